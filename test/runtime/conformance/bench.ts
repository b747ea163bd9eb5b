// Bench: what a case of the conformance table gets to work with. Whatever a case launches or opens on it ends
// with the case, also when the case fails.

import { isDeepStrictEqual } from "node:util";
import assert from "node:assert/strict";
import { Failure, type FailureCode } from "../../../src/base/mod.ts";
import type { NodeRuntime, NodeRuntimeOptions } from "../../../src/platform/node/mod.ts";
import type {
  KernelHandle,
  KernelSpec,
  LaunchOptions,
  Runtime,
  RuntimeOptions,
} from "../../../src/runtime/mod.ts";
import { MessageQueue } from "../../../src/runtime/message-queue.ts";
import { Held, Hold, subject } from "./kernels.fixture.ts";

/** What a case shows, on every backend that does not decline it. */
export type Act = (bench: Bench) => Promise<unknown>;

/** A case that a backend does not pass, and why. Either is shown, so that nothing hides behind a decline. */
export type Decline = {
  /** "topic: name", as in the table. */
  readonly case: string;
  readonly reason: string;
} & (
  | { readonly refuses: FailureCode } // The case itself fails so.
  | {
      readonly instead: string;
      readonly shows: Act;
      /** Why the case is not run to see that it fails. */
      readonly notRun?: string;
    }
);

/** A case that a backend should pass and does not yet. Its test fails when it does. */
export interface Fault {
  readonly case: string;
  /** File and cause. */
  readonly bug: string;
}

export interface Backend {
  readonly name: string;
  /** How kernels are launched where a case does not say. */
  readonly mode: NonNullable<LaunchOptions["mode"]>;
  readonly create: (options: NodeRuntimeOptions) => NodeRuntime;
  /** The same, whose kernels' memory `seen` gets before their threads do. */
  readonly watch: (options: RuntimeOptions, seen: (spec: KernelSpec) => void) => Runtime;
  readonly declines: readonly Decline[];
  readonly faults: readonly Fault[];
}

export type Subject = KernelHandle<typeof subject>;

/** Less of everything. */
export const SMALL = {
  ...{ threads: 1, defaultQueueCapacity: 2, payloadBytesMax: 1024, payloadBlocks: 1 },
  ...{ terminationTimeoutMs: 1, maxDriftMs: 1000, callSpins: 0 },
  ...{ prestart: 0, deadLetters: { max: 1 } },
  quotas: { 7: { rate: { perSecond: 0.001, burst: 1 } }, 8: { kernels: 1 }, 9: { queueBytes: 1 } },
} as const satisfies RuntimeOptions;

/** The runtimes that all cases of a backend share: starting one takes longer than most cases. */
export class Shared implements AsyncDisposable {
  readonly runtime: NodeRuntime;
  readonly small: Runtime;
  /** What the kernels of `small` were launched as, the last one at the end. */
  readonly specs: KernelSpec[] = [];

  constructor(backend: Backend) {
    this.runtime = backend.create({});
    this.small = backend.watch(SMALL, (spec) => this.specs.push(spec));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.runtime.shutdown(), this.small.shutdown()]);
  }
}

export class Bench implements AsyncDisposable {
  readonly backend: Backend;
  /** With the defaults. */
  readonly runtime: NodeRuntime;
  /** With `SMALL`. */
  readonly small: Runtime;
  readonly #shared: Shared;
  readonly #opened: Runtime[] = [];
  readonly #launches: Promise<unknown>[] = [];

  constructor(backend: Backend, shared: Shared) {
    this.backend = backend;
    this.runtime = shared.runtime;
    this.small = shared.small;
    this.#shared = shared;
  }

  /** A runtime of the case's own. */
  open(options: NodeRuntimeOptions = {}): NodeRuntime {
    const runtime = this.backend.create(options);
    this.#opened.push(runtime);
    return runtime;
  }

  /** Launches in the backend's mode. */
  launch(
    options: LaunchOptions = {},
    kernel: object = subject,
    runtime: Runtime = this.runtime,
  ): Promise<Subject> {
    const launch = runtime.launch(kernel, { mode: this.backend.mode, ...options });
    this.#launches.push(launch);
    return launch as unknown as Promise<Subject>;
  }

  /** The queue of the kernel that was last launched in `small`, to which a case may do harm. */
  get queue(): MessageQueue {
    return new MessageQueue(this.#shared.specs.at(-1)!.inputs[0]!, undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#launches);
    for (const runtime of [this.runtime, this.small])
      for (const id of runtime.listKernels()) await end(runtime.getKernel(id)!);
    for (const runtime of this.#opened) await runtime.shutdown({ timeoutMs: 50 });
  }
}

async function end(kernel: KernelHandle): Promise<void> {
  kernel.interrupt();
  if (kernel.state !== "terminating") await kernel.terminate({ timeoutMs: 50 });
  await kernel.wait();
}

/** Lets one message take the kernel's only lane, so that what is sent next waits. It ends when interrupted. */
export async function hold(
  kernel: Subject,
  number = 0,
): Promise<{ readonly outcome: Promise<string> }> {
  const outcome = codeOf(() => kernel.call(Hold, { number }));
  await kernel.receive(Held);
  return { outcome };
}

/** "ok", the code of a failure, or what else was thrown. */
export async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
    return "ok";
  } catch (error) {
    return error instanceof Failure ? error.code : String(error);
  }
}

export function same(found: unknown, expected: unknown): void {
  assert.deepStrictEqual(found, expected);
}

/** The named facts of an object are these. */
export function has(found: object, expected: Readonly<Record<string, unknown>>): void {
  const facts = found as Readonly<Record<string, unknown>>;
  same(Object.fromEntries(Object.keys(expected).map((name) => [name, facts[name]])), expected);
}

/** Waits until two values are the same; the runner's time limit ends it. */
export async function until(of: () => unknown, expected: unknown): Promise<void> {
  while (!isDeepStrictEqual(of(), expected)) await turns(1);
}

/** Lets the event loop have turns, in which whatever is ready settles. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A failure that a kernel has seen, as if the host had. */
export function relayed(code: string): never {
  const facts = { at: "a kernel", found: code, expected: "ok", fix: "Nothing." };
  throw new Failure(code as FailureCode, facts);
}
