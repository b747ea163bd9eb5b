// Bridge: carries messages between the host and the queues in a device's memory, in order and each once.
//
//   offer, enqueueInput ──> input lane ──copies──> input queue ──> kernel
//   take, dequeueOutput <── output lane <──copies── output queue <── kernel
//
// Two loops on the host's event loop move the two lanes; under `unified` they only watch. `offer` and `take`
// neither wait nor allocate, but for the lent view. What goes wrong on the device ends the bridge: it says
// where every message was, and what the device had not taken is still there to be sent elsewhere.

import { Failure } from "../base/mod.ts";
import { type BridgeEnd, type BridgeState, type BridgeStats, endOf, statsOf } from "./account.ts";
import type { BridgeTime, DeviceMemory } from "./device.ts";
import { bridgeClosed, deviceLost, inputFull, outputEmpty, reason, tooLarge } from "./faults.ts";
import type { Fate } from "./input-lane.ts";
import { type Opened, openLanes } from "./open.ts";
import { type BridgeOptions, type BridgeSettings, resolveBridge } from "./options.ts";
import { Pump } from "./pump.ts";
import type { DeviceQueue } from "./queue.ts";
import { planTransfer, type TransferPlan } from "./strategy.ts";
import { type WaitOptions, Waiters } from "./waiters.ts";

export interface StopOptions {
  /** Waits until the device has taken all, and fetches what it has sent: true. */
  readonly drain?: boolean;
  /** Milliseconds for that: the bridge's `stopTimeoutMs`. */
  readonly timeoutMs?: number;
}

export class RingBufferBridge implements AsyncDisposable {
  /** The strategy, why better ones were refused, and which options it has no use for. */
  readonly plan: TransferPlan;
  /** Where the queues are: what a kernel has to be told. */
  readonly queues: { readonly input: DeviceQueue; readonly output: DeviceQueue };
  /** Settles once and never rejects: how the bridge ended. */
  readonly ended: Promise<BridgeEnd>;
  readonly #memory: DeviceMemory;
  readonly #settings: BridgeSettings;
  readonly #time: BridgeTime;
  readonly #opened: Opened;
  readonly #pump: Pump;
  readonly #senders: Waiters<Uint8Array, void>;
  readonly #receivers: Waiters<void, Uint8Array>;
  readonly #settleEnd: (end: BridgeEnd) => void;
  readonly #forgetLoss: () => void;
  #state: BridgeState = "ready";
  #failure: Failure | undefined;
  #disposal: Promise<void> | undefined;
  #isLending = false;
  #refused = 0;
  #stalls = 0;

  /**
   * Allocates both queues, empty, and chooses how they are reached. Fails with OPTION_UNSUPPORTED,
   * DEVICE_MEMORY_FULL, DEVICE_LOST or DEVICE_COPY_FAILED.
   */
  static async create(
    memory: DeviceMemory,
    time: BridgeTime,
    options: BridgeOptions = {},
  ): Promise<RingBufferBridge> {
    const settings = resolveBridge(options);
    const plan = planTransfer(memory, options);
    const opened = await openLanes(memory, plan, settings, time);
    return new RingBufferBridge(memory, { plan, opened, settings, time });
  }

  private constructor(
    memory: DeviceMemory,
    parts: {
      readonly plan: TransferPlan;
      readonly opened: Opened;
      readonly settings: BridgeSettings;
      readonly time: BridgeTime;
    },
  ) {
    const { plan, opened, settings, time } = parts;
    this.plan = plan;
    this.queues = opened.queues;
    this.#memory = memory;
    this.#settings = settings;
    this.#time = time;
    this.#opened = opened;
    this.#senders = new Waiters(time);
    this.#receivers = new Waiters(time);
    this.#pump = new Pump({
      ...{ memory, opened, settings, time },
      isWatched: plan.strategy === "async" || plan.strategy === "dma-polling",
      wantsRoom: () => this.#senders.count > 0,
      onInput: () => this.#senders.serve((payload) => this.#served(payload)),
      onOutput: () => this.#receivers.serve(() => this.#takeCopy()),
      onFailure: (failure) => this.#fail(failure),
    });
    ({ promise: this.ended, resolve: this.#settleEnd } = Promise.withResolvers<BridgeEnd>());
    this.#forgetLoss = memory.onLost((failure) => this.#fail(failure));
  }

  get state(): BridgeState {
    return this.#state;
  }

  /** Starts to move messages. Those offered before go first. Fails with INVALID_STATE_TRANSITION. */
  start(): void {
    if (this.#state !== "ready") throw cannot("start", this.#state);
    this.#state = "running";
    this.#pump.start();
  }

  /**
   * Copies a message into the input queue. False: there is no room, or others wait for it. Fails with
   * MESSAGE_TOO_LARGE, with BRIDGE_CLOSED, or with what ended the bridge.
   */
  offer(payload: Uint8Array): boolean {
    this.#checkIntake(payload);
    if (this.#senders.count === 0 && this.#offer(payload)) return true;
    this.#refused++;
    this.#pump.hurry();
    this.#pump.wakeInput();
    return false;
  }

  /**
   * As `offer`, waiting for room up to `timeoutMs`, in the order of the calls. The payload is the bridge's
   * until this settles; where it fails, the message was not sent. Fails with QUEUE_FULL, too.
   */
  async enqueueInput(payload: Uint8Array, options: WaitOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    this.#checkIntake(payload);
    if (this.#senders.count === 0 && this.#offer(payload)) return;
    this.#stalls++;
    this.#pump.hurry();
    this.#pump.wakeInput();
    const { inputCapacity } = this.#settings;
    await this.#senders.wait(payload, options, (timeoutMs) => inputFull(timeoutMs, inputCapacity));
  }

  /**
   * Lends the oldest message from the device to `use`, which may keep nothing; it is taken also where `use`
   * throws. False: there is none, now. Fails with DEVICE_QUEUE_INVALID.
   */
  take(use: (payload: Uint8Array) => void): boolean {
    if (this.#isLending) throw cannot("take() within take()", this.#state);
    const payload = this.#checked(() => this.#opened.output.peek());
    if (payload === undefined) return false;
    this.#isLending = true;
    try {
      use(payload);
    } finally {
      this.#isLending = false;
      this.#next();
    }
    return true;
  }

  /**
   * The oldest message from the device, as a copy, waiting for it up to `timeoutMs`. Fails with QUEUE_EMPTY;
   * and with BRIDGE_CLOSED, or with what ended the bridge, at once when nothing is left.
   */
  async dequeueOutput(options: WaitOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    const ready = this.#receivers.count === 0 ? this.#takeCopy() : undefined;
    if (ready !== undefined) return ready.result;
    if (this.#isOver) throw this.#closed();
    this.#pump.hurry();
    this.#pump.wakeOutput();
    return this.#receivers.wait(undefined, options, outputEmpty);
  }

  /**
   * Lends each message that the device has not taken, oldest first, with how far it came. Whoever sends those
   * that are `uncertain` or `untaken` to another device accepts that the first may have handled them. Fails
   * with INVALID_STATE_TRANSITION until the bridge has ended.
   */
  leftovers(use: (payload: Uint8Array, fate: Fate) => void): void {
    if (!this.#isOver || this.#disposal !== undefined) throw cannot("leftovers()", this.#state);
    this.#opened.input.leftovers(use);
  }

  stats(): BridgeStats {
    const { sleeps, signals } = this.#pump;
    const own = { state: this.#state, refused: this.#refused, stalls: this.#stalls };
    const parts = { ...this.#opened, strategy: this.plan.strategy };
    return statsOf(parts, { ...own, sleeps, signals });
  }

  /** Takes no more messages, drains, and stops. Calling it again waits for the same end. */
  async stop({ drain = true, timeoutMs }: StopOptions = {}): Promise<BridgeEnd> {
    if (this.#state !== "ready" && this.#state !== "running") return this.ended;
    const isRunning = this.#state === "running";
    this.#state = "draining";
    this.#senders.refuseAll(this.#closed());
    const work = async (): Promise<void> => {
      if (drain && isRunning) await this.#pump.drain(timeoutMs ?? this.#settings.stopTimeoutMs);
      await this.#pump.stop();
    };
    await Promise.race([work(), this.ended]); // A device that hangs keeps no caller.
    if (!this.#isOver) this.#end("stopped");
    return this.ended;
  }

  /** Stops, drained, and gives the memory back. What was not taken is gone then. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#disposal ??= this.#free();
    await this.#disposal;
  }

  get #isOver(): boolean {
    return this.#state === "stopped" || this.#state === "failed";
  }

  #checkIntake({ length }: Uint8Array): void {
    if (this.#state !== "ready" && this.#state !== "running") throw this.#closed();
    const { payloadBytesMax } = this.#settings;
    if (length > payloadBytesMax) throw tooLarge(length, payloadBytesMax);
  }

  #offer(payload: Uint8Array): boolean {
    const hasRoom = this.#checked(() => this.#opened.input.offer(payload));
    if (hasRoom) this.#pump.wakeInput();
    return hasRoom;
  }

  #served(payload: Uint8Array): { readonly result: void } | undefined {
    return this.#offer(payload) ? { result: undefined } : undefined;
  }

  #takeCopy(): { readonly result: Uint8Array } | undefined {
    const payload = this.#checked(() => this.#opened.output.peek());
    if (payload === undefined) return undefined;
    const result = payload.slice();
    this.#next();
    return { result };
  }

  #next(): void {
    const { output } = this.#opened;
    const wasFull = !output.needsDevice;
    output.next();
    if (wasFull) this.#pump.wakeOutput();
  }

  /** What a lane says of itself while somebody calls; a device's nonsense ends the bridge. */
  #checked<Answer>(ask: () => Answer): Answer {
    try {
      return ask();
    } catch (failure) {
      this.#fail(failure);
      throw failure;
    }
  }

  #fail(cause: unknown): void {
    if (this.#isOver) return;
    const isOurs = cause instanceof Failure;
    const failure = isOurs ? cause : deviceLost(this.#memory.name, reason(cause), cause);
    this.#failure = failure;
    this.#state = "failed";
    this.#senders.refuseAll(failure);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    // A lost device settles its copies. One that does not is not waited for much longer.
    const cancel = this.#time.after(this.#settings.copyTimeoutMs, resolve);
    const isHung = this.#pump.hasHung;
    void Promise.race([isHung ? undefined : this.#pump.stop(), late]).then(() => {
      cancel();
      this.#end("failed");
    });
  }

  #end(state: "stopped" | "failed"): void {
    this.#state = state;
    this.#forgetLoss();
    this.#receivers.serve(() => this.#takeCopy());
    this.#receivers.refuseAll(this.#closed());
    this.#settleEnd(endOf(this.#opened, this.#failure, this.#pump.isDrained));
  }

  #closed(): Failure {
    return this.#failure ?? bridgeClosed(`one that is ${this.#state}`);
  }

  /** Memory that a copy may still reach is left alone, and lost with its device. */
  async #free(): Promise<void> {
    if ((this.#opened.copies?.underWay ?? 0) > 0) return;
    await this.#opened.close();
  }
}

function cannot(what: string, state: BridgeState): Failure {
  return new Failure("INVALID_STATE_TRANSITION", {
    at: "bridge",
    found: `${what} on one that is ${state}`,
    expected: "start() once; take() outside take(); leftovers() between the end and disposal",
    fix: "Make the call when the bridge is in the state for it.",
  });
}
