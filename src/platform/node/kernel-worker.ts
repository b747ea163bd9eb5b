// Kernel worker: the thread that serves kernels. Commands come as messages, after which its attention is
// raised, so that it looks for them even while it sleeps.

import { parentPort, workerData } from "node:worker_threads";
import type { Facts, FailureCode } from "../../base/mod.ts";
import type { IdlePolicy } from "../../ring/mod.ts";
import { pause } from "./event-loop.ts";
import { processMs } from "./process-clock.ts";
import {
  type KernelSpec,
  KernelThread,
  type Launched,
  type RouteSpec,
  type StateAnswer,
  type StateOrder,
  type ThreadSpec,
  thrownInKernel,
} from "../../runtime/thread.ts";

export interface KernelWorkerData {
  readonly spec: ThreadSpec;
  readonly attention: SharedArrayBuffer;
  readonly idle: IdlePolicy;
}

export type KernelCommand =
  | { readonly command: "launch"; readonly id: number; readonly spec: KernelSpec }
  | {
      readonly command: "route";
      readonly id: number;
      readonly index: number;
      readonly route: RouteSpec;
    }
  | {
      readonly command: "unroute";
      readonly id: number;
      readonly index: number;
      readonly kernel: string;
    }
  | { readonly command: "end"; readonly id: number; readonly index: number }
  | {
      readonly command: "order";
      readonly id: number;
      readonly index: number;
      readonly order: StateOrder;
    };

/** A failure's class does not pass between threads: its facts do. */
export interface ThrownFacts {
  readonly code: FailureCode;
  readonly facts: Facts;
}

export type KernelReply =
  | { readonly reply: "ready" }
  | { readonly reply: "done"; readonly id: number; readonly answer?: Launched | StateAnswer }
  | { readonly reply: "failed"; readonly id: number; readonly thrown: ThrownFacts };

/** Modules that were loaded, by URL: to ask the loader again takes as long as the rest of a launch. */
const modules = new Map<string, Readonly<Record<string, unknown>>>();
const port = parentPort;
if (port === null) throw new Error("The kernel worker was not started as a thread.");
const { spec, attention, idle } = workerData as KernelWorkerData;
const thread = new KernelThread({
  ...{ spec, attention, idle },
  pause,
  nap: () => new Promise((resume) => setTimeout(resume, 1)),
  now: () => Date.now(),
  nowMs: () => performance.now(),
  clockMs: processMs,
});

port.on("message", (command: KernelCommand) => {
  void run(command).finally(() => thread.loop.handled()); // Until then the loop may not sleep.
});
say({ reply: "ready" });
await thread.loop.run();

async function run(command: KernelCommand): Promise<void> {
  const { id } = command;
  try {
    if (command.command === "launch") {
      const { spec } = command;
      const exports = modules.get(spec.module) ?? (await load(spec.module));
      say({ reply: "done", id, answer: await thread.launch(spec, exports) });
    } else if (command.command === "order") {
      say({ reply: "done", id, answer: await thread.order(command.index, command.order) });
    } else {
      if (command.command === "route") thread.route(command.index, command.route);
      else if (command.command === "unroute") thread.unroute(command.index, command.kernel);
      else await thread.end(command.index);
      say({ reply: "done", id });
    }
  } catch (error) {
    say({ reply: "failed", id, thrown: thrownBy(error, command) });
  }
}

async function load(url: string): Promise<Readonly<Record<string, unknown>>> {
  const exports = (await import(url)) as Readonly<Record<string, unknown>>;
  modules.set(url, exports);
  return exports;
}

function thrownBy(error: unknown, command: KernelCommand): ThrownFacts {
  const where =
    command.command === "launch" ? command.spec.module : `the kernel's ${command.command}`;
  const { code, at = where, found, expected, fix } = thrownInKernel(error, where);
  return { code, facts: { at, found, expected, fix } };
}

function say(reply: KernelReply): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
  port?.postMessage(reply);
}
