// Model: random lives of a kernel on a real worker, against a few lines that say what must be true of them.

import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type KernelHandle, Runtime } from "../../src/runtime/mod.ts";
import { createRuntime } from "../../src/platform/node/mod.ts";
import { Add, ada, Echo, Sink, Throw, Wait } from "./actors.fixture.ts";
import { codeOf, within } from "./outcomes.ts";

interface Model {
  state: "none" | "launched" | "active" | "deactivated";
  /** Messages that the kernel took since its launch. */
  sent: number;
  launched: number;
}
type Kernel = KernelHandle<typeof ada>;
interface Real {
  readonly runtime: Runtime;
  kernel: Kernel | undefined;
  readonly calls: Promise<void>[];
  /** Of this launch: calls that were answered. */
  answered: number;
}
type Step = fc.AsyncCommand<Model, Real>;

const ENDS = ["KERNEL_TERMINATED", "WORKER_LOST"];
const CALLS = {
  add: { allowed: ["ok"], call: (k: Kernel) => k.call(Add, { a: 1, b: 2 }) },
  echo: { allowed: ["ok"], call: (k: Kernel) => k.call(Echo, { data: new Float64Array(50) }) },
  throw: {
    allowed: ["HANDLER_FAILED", "HANDLER_INTERRUPTED"],
    call: (k: Kernel) => k.call(Throw, { why: 1 }),
  },
  wait: { allowed: ["ok", "HANDLER_INTERRUPTED"], call: (k: Kernel) => k.call(Wait, { ms: 5 }) },
  impatient: {
    allowed: ["ok", "CALL_TIMEOUT", "HANDLER_INTERRUPTED"],
    call: (k: Kernel) => k.call(Wait, { ms: 20 }, { timeoutMs: 1 }),
  },
} as const;
type CallName = keyof typeof CALLS;

const step = (name: string, check: Step["check"], run: Step["run"]): Step => ({
  ...{ check, run },
  toString: () => name,
});
const has = ({ state }: Readonly<Model>): boolean => state !== "none";

function checkCounters(model: Model, { kernel, runtime }: Real): void {
  expect(kernel!.metrics.sent).toBe(model.sent);
  expect(runtime.metrics.totalLaunched).toBe(model.launched);
}

/** The kernel has ended: nothing of it is left. */
function over(model: Model, real: Real): void {
  expect([real.runtime.listKernels(), real.kernel!.state]).toEqual([[], "terminated"]);
  checkCounters(model, real);
  model.state = "none";
}

const launch = (autoActivate: boolean): Step =>
  step(
    `launch(${autoActivate})`,
    (model) => model.state === "none",
    async (model, real) => {
      const kernel = await within(real.runtime.launch(ada, { autoActivate }));
      if (kernel === "hung") throw new Error("The launch hangs.");
      real.kernel = kernel;
      model.state = autoActivate ? "active" : "launched";
      model.sent = 0;
      model.launched++;
      expect(real.runtime.listKernels()).toEqual(["ada"]);
    },
  );

const call = (name: CallName): Step =>
  step(`call(${name})`, has, async (model, real) => {
    const { allowed, call: act } = CALLS[name];
    const isTaken = model.state === "active";
    if (isTaken) model.sent++;
    const expected = isTaken ? [...allowed, ...ENDS] : ["KERNEL_NOT_ACTIVE"];
    const settled = within(codeOf(act(real.kernel!)), 10_000);
    real.calls.push(settled.then((code) => expect(expected).toContain(code)));
    checkCounters(model, real);
  });

const send = step("send", has, async (model, { kernel }) => {
  const act = codeOf(Promise.resolve().then(() => kernel!.send(Sink, { data: [1] })));
  expect(await act).toBe(model.state === "active" ? "ok" : "KERNEL_NOT_ACTIVE");
  if (model.state === "active") model.sent++;
});

const move = (name: "activate" | "deactivate"): Step =>
  step(name, has, async (model, { kernel }) => {
    const mayMove = name === "activate" ? model.state !== "active" : model.state === "active";
    const act = codeOf(Promise.resolve().then(() => kernel![name]()));
    expect(await act).toBe(mayMove ? "ok" : "INVALID_STATE_TRANSITION");
    if (mayMove) model.state = name === "activate" ? "active" : "deactivated";
    expect(kernel!.state).toBe(model.state);
  });

const interrupt = step("interrupt", has, async (_, { kernel }) => kernel!.interrupt());

const terminate = (timeoutMs: number): Step =>
  step(`terminate(${timeoutMs})`, has, async (model, real) => {
    const end = await within(real.kernel!.terminate({ timeoutMs }), 10_000);
    if (end === "hung" || end.how === "killed") throw new Error(`It ended so: ${String(end)}`);
    const { messagesProcessed, failed } = real.kernel!.metrics;
    if (end.how === "terminated") expect(messagesProcessed + failed + end.refused).toBe(model.sent);
    else {
      // What was in hand has failed and is lost as well.
      expect(messagesProcessed + end.lost).toBeLessThanOrEqual(model.sent);
      expect(messagesProcessed + failed + end.lost).toBeGreaterThanOrEqual(model.sent);
    }
    over(model, real);
  });

const kill = step("kill", has, async (model, real) => {
  expect(await within(real.kernel!.kill())).toMatchObject({ how: "killed" });
  over(model, real);
});

const wait = (ms: number): Step =>
  step(
    `wait(${ms})`,
    () => true,
    () => new Promise((resolve) => setTimeout(resolve, ms)),
  );

const runtime = createRuntime({ threads: 1, payloadBytesMax: 1024 });
afterAll(() => runtime.shutdown({ timeoutMs: 100 }));

test("A kernel keeps to its states, its counters and its word in any order of what may happen to it", async () => {
  const steps = [
    ...[fc.constant(launch(true)), fc.constant(launch(true)), fc.constant(launch(false))],
    ...(Object.keys(CALLS) as CallName[]).map((name) => fc.constant(call(name))),
    ...[fc.constant(send), fc.constant(interrupt), fc.constant(kill), fc.nat(10).map(wait)],
    ...[fc.constant(move("activate")), fc.constant(move("deactivate"))],
    fc.constantFrom(0, 5, 2000).map(terminate),
  ];
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 40 }), async (commands) => {
      const model: Model = { state: "none", sent: 0, launched: runtime.metrics.totalLaunched };
      const real: Real = { runtime, kernel: undefined, calls: [], answered: 0 };
      try {
        await fc.asyncModelRun(() => ({ model, real }), commands);
      } finally {
        if (model.state !== "none") await within(real.kernel!.terminate({ timeoutMs: 100 }));
      }
      await Promise.all(real.calls);
    }),
    { numRuns: 40, interruptAfterTimeLimit: 12_000, endOnFailure: true },
  );
});
