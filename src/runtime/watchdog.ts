// Watchdog: ends threads that hang. A thread's heart beats in every turn of its loop, and while it waits for handlers
// that go on by themselves; it stops while the thread sleeps, or while a handler does not return.
//
// A thread is hung whose heart has stood still for the timeout although it has something to do. The kernel that
// it was serving is ended for that, with HEARTBEAT_LOST, and its neighbours fail with it. Time counts only as
// far as this side was awake to look, so that a process that was stopped as a whole finds nobody hung.

import { Failure } from "../base/mod.ts";
import type { Attention } from "./attention.ts";
import { KernelBlock } from "./kernel-block.ts";
import { mayHandle, STATES } from "./lifecycle.ts";
import type { Running } from "./running.ts";
import type { Served } from "./thread-pool.ts";

/** Does `act` every `ms` milliseconds until the function that it returns is called. */
export type Repeat = (ms: number, act: () => void) => () => void;

export interface WatchdogOptions {
  /** Infinity: it watches nobody. */
  readonly timeoutMs: number;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly repeat: Repeat;
}

/** A kernel on one of the threads that serve it. */
interface Patient {
  readonly running: Running;
  readonly index: number;
  readonly block: KernelBlock;
  /** Of all threads that serve the kernel. */
  readonly blocks: readonly KernelBlock[];
}

interface Pulse {
  readonly attention: Attention;
  readonly patients: Patient[];
  beats: number;
  stillMs: number;
}

/** Looks at each thread within one timeout. */
const LOOKS = 4;
const TERMINATING = STATES.indexOf("terminating");

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #pulses = new Map<Served, Pulse>();
  #lastMs = 0;
  #stop: (() => void) | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Watches the threads of a kernel. Those that are the caller's own hang with whoever would look. */
  add(running: Running): void {
    const { timeoutMs, nowMs, repeat } = this.#options;
    if (timeoutMs === Infinity || running.launch.mode === "event-driven") return;
    const blocks = running.specs.map(({ words }) => new KernelBlock(new Int32Array(words)));
    for (const [i, served] of running.served.entries()) {
      const { index } = running.specs[i]!;
      this.#pulseOf(served).patients.push({ running, index, block: blocks[i]!, blocks });
    }
    if (this.#stop !== undefined) return;
    this.#lastMs = nowMs();
    this.#stop = repeat(timeoutMs / LOOKS, () => this.#look());
  }

  /** A kernel has ended. */
  remove(running: Running): void {
    for (const [served, { patients }] of this.#pulses) {
      const at = patients.findIndex((one) => one.running === running);
      if (at >= 0) patients.splice(at, 1);
      if (patients.length === 0) this.#pulses.delete(served);
    }
    if (this.#pulses.size === 0) this.stop();
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #pulseOf(served: Served): Pulse {
    const known = this.#pulses.get(served);
    if (known !== undefined) return known;
    const { attention } = served;
    const pulse: Pulse = { attention, patients: [], beats: attention.beats, stillMs: 0 };
    this.#pulses.set(served, pulse);
    return pulse;
  }

  #look(): void {
    const { timeoutMs, nowMs } = this.#options;
    const now = nowMs();
    const passedMs = Math.min(now - this.#lastMs, timeoutMs / LOOKS);
    this.#lastMs = now;
    for (const [served, pulse] of this.#pulses) {
      const { beats } = pulse.attention;
      const isStill = beats === pulse.beats && pulse.patients.some((one) => isWanted(pulse, one));
      pulse.beats = beats;
      pulse.stillMs = isStill ? pulse.stillMs + passedMs : 0;
      if (pulse.stillMs >= timeoutMs) this.#end(served, pulse);
    }
  }

  #end(served: Served, pulse: Pulse): void {
    const { block, running } = culpritOf(pulse);
    if (block.state === TERMINATING || served.isEnding) return; // It is being ended, with a deadline.
    const { timeoutMs } = this.#options;
    void served.kill(running.id, hung(running.id, timeoutMs));
  }
}

/** Whether a thread has something to do for a kernel. */
function isWanted({ attention }: Pulse, { running, index, block, blocks }: Patient): boolean {
  if (attention.serving === index || block.busy > 0) return true;
  if (!mayHandle(block.state)) return false;
  if (block.inHand > 0) return true;
  const inHand = blocks.reduce((sum, one) => sum + one.inHand, 0); // It is in the queue, too.
  return running.handle.status.inputQueueDepth > inHand;
}

/** The kernel in whose turn the thread stopped; or else one that has handlers there, or messages. */
function culpritOf(pulse: Pulse): Patient {
  const { attention, patients } = pulse;
  const served = patients.find(({ index }) => index === attention.serving);
  const busy = patients.find(({ block }) => block.busy > 0);
  return served ?? busy ?? patients.find((one) => isWanted(pulse, one))!;
}

function hung(id: string, timeoutMs: number): Failure {
  return new Failure("HEARTBEAT_LOST", {
    at: `kernel ${id}`,
    found: `a thread that stood still for ${timeoutMs} ms with messages to handle`,
    expected: "a handler that returns, or that awaits what takes long",
    fix: "Correct the handler, or raise `supervision.heartbeatTimeoutMs`.",
  });
}
