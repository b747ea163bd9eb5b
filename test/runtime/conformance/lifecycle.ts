// Lifecycle: what every verb of a handle does in every state that a handle can have. A kernel that is `created`
// has no handle yet: that is a case of its own.

import { setTimeout as after } from "node:timers/promises";
import type { Envelope } from "../../../src/message/mod.ts";
import { STATES } from "../../../src/runtime/mod.ts";
import type { KernelState } from "../../../src/runtime/mod.ts";
import { type Bench, codeOf, hold, same, type Subject, turns } from "./bench.ts";
import { Add, Counted, Next, subject, Where } from "./kernels.fixture.ts";

export type HandleState = Exclude<KernelState, "created">;

/** The states in which there is a handle, in the order of the columns below. */
export const HANDLE_STATES = STATES.filter((state): state is HandleState => state !== "created");

/** "ok", a code, or "waits": until a message comes, or else the kernel has ended, and then as where it has. */
export type Outcome = string;

export interface Verb {
  readonly does: (kernel: Subject) => unknown;
  readonly outcomes: Readonly<Record<HandleState, Outcome>>;
  /** The state that it leads to where it is "ok"; left out, the state stays. */
  readonly leads?: HandleState;
}

const row = (
  launched: Outcome,
  active: Outcome,
  deactivated: Outcome,
  terminating: Outcome,
  terminated: Outcome,
): Verb["outcomes"] => ({ launched, active, deactivated, terminating, terminated });

const NO = "INVALID_STATE_TRANSITION";
const IDLE = "KERNEL_NOT_ACTIVE";
const OVER = "KERNEL_TERMINATED";
const always = row("ok", "ok", "ok", "ok", "ok");
const takes = row(IDLE, "ok", IDLE, IDLE, OVER);
const emitted = (none: Outcome, over: Outcome = OVER): Verb["outcomes"] =>
  row(none, none, none, none, over);
const add = { a: 1, b: 2 };
const stamp = { physicalUs: 0n, logical: 0n, node: 0n };
const envelope: Envelope = {
  ...{ messageId: 7n, correlationId: 0n, source: 9n, dest: 0n, flags: 0, priority: 1 },
  ...{ messageType: BigInt(Add.id), timestamp: stamp, deadline: stamp },
  ...{ tenant: 0n, auditOrg: 0n, auditEngagement: 0n, payload: new Uint8Array(Add.bytes) },
};

/** By the names of `KernelHandle`, all of them. */
export const VERBS = {
  activate: { does: (k) => k.activate(), outcomes: row("ok", NO, "ok", NO, NO), leads: "active" },
  resume: { does: (k) => k.resume(), outcomes: row("ok", NO, "ok", NO, NO), leads: "active" },
  deactivate: {
    does: (kernel) => kernel.deactivate(),
    outcomes: row(NO, "ok", NO, NO, NO),
    leads: "deactivated",
  },
  suspend: {
    does: (kernel) => kernel.suspend(),
    outcomes: row(NO, "ok", NO, NO, NO),
    leads: "deactivated",
  },
  terminate: {
    does: (kernel) => kernel.terminate(),
    outcomes: row("ok", "ok", "ok", NO, NO),
    leads: "terminated",
  },
  kill: { does: (kernel) => kernel.kill(), outcomes: always, leads: "terminated" },
  [Symbol.asyncDispose]: {
    does: (kernel) => kernel[Symbol.asyncDispose](),
    outcomes: row("ok", "ok", "ok", "waits", "ok"),
    leads: "terminated",
  },
  interrupt: { does: (kernel) => kernel.interrupt(), outcomes: row("ok", "ok", "ok", "ok", "ok") },
  send: { does: (kernel) => kernel.send(Add, add), outcomes: takes },
  sendWaiting: { does: (kernel) => kernel.sendWaiting(Add, add), outcomes: takes },
  sendEnvelope: { does: (kernel) => kernel.sendEnvelope(envelope), outcomes: takes },
  call: { does: (kernel) => kernel.call(Add, add), outcomes: takes },
  receive: { does: (kernel) => kernel.receive(Counted), outcomes: emitted("waits") },
  receiveTimeout: {
    does: (kernel) => kernel.receiveTimeout(Counted, 1),
    outcomes: emitted("CALL_TIMEOUT"),
  },
  tryReceive: { does: (kernel) => kernel.tryReceive(Counted), outcomes: emitted("QUEUE_EMPTY") },
  messages: {
    does: async (kernel) => {
      for await (const one of kernel.messages(Counted)) same(one, "nothing was emitted");
    },
    outcomes: emitted("waits", "ok"),
  },
  wait: { does: (kernel) => kernel.wait(), outcomes: emitted("waits", "ok") },
  checkpoint: {
    does: async (kernel) => same((await kernel.checkpoint()).length > 0, true),
    outcomes: row("ok", "ok", "ok", OVER, OVER),
  },
  move: { does: (kernel) => kernel.move(), outcomes: row("ok", "ok", "ok", OVER, OVER) },
  trace: {
    does: (kernel) => {
      const named = kernel.trace().traceEvents.find(({ name }) => name === "process_name");
      same(named?.args, { name: "subject" });
    },
    outcomes: always,
  },
  shares: { does: (kernel) => same(kernel.shares, [undefined]), outcomes: always },
  state: { does: (kernel) => kernel.state, outcomes: always },
  isActive: { does: (k) => same(k.isActive, k.state === "active"), outcomes: always },
  isTerminated: { does: (k) => same(k.isTerminated, k.state === "terminated"), outcomes: always },
  generation: { does: (kernel) => same(kernel.generation, 1), outcomes: always },
  status: { does: (kernel) => same(kernel.status.state, kernel.state), outcomes: always },
  metrics: { does: (kernel) => same(kernel.metrics.state, kernel.state), outcomes: always },
} as const satisfies Readonly<Record<string | symbol, Verb>>;

/** A kernel in a state. One that is `terminating` drains until it is interrupted. */
export async function reach(bench: Bench, state: HandleState): Promise<Subject> {
  const kernel = await bench.launch({ autoActivate: false, profiling: true });
  if (state === "launched") return kernel;
  kernel.activate();
  if (state === "deactivated") kernel.deactivate();
  if (state === "terminated") await kernel.terminate();
  if (state === "terminating") {
    await hold(kernel);
    void kernel.terminate({ timeoutMs: 60_000 });
  }
  same(kernel.state, state);
  return kernel;
}

/** Shows one cell of the table. */
export async function showVerb(bench: Bench, verb: Verb, state: HandleState): Promise<void> {
  const kernel = await reach(bench, state);
  const { [state]: outcome } = verb.outcomes;
  const settled: string[] = [];
  const said = codeOf(() => verb.does(kernel)).then((code) => void settled.push(code));
  if (outcome !== "waits") {
    await said;
    same(settled, [outcome]);
    if (outcome !== "ok") same(kernel.state, state);
    else if (verb.leads !== undefined) same(kernel.state, verb.leads);
    else if (verb.does !== VERBS.interrupt.does) same(kernel.state, state);
    return;
  }
  await turns();
  await after(1);
  same([settled, kernel.state], [[], state]);
  if (state === "terminating") kernel.interrupt();
  else await kernel.terminate();
  await said;
  same([settled, kernel.state], [[verb.outcomes.terminated], "terminated"]);
}

/** Cases beside the table. */
export const LIFECYCLE: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  "a kernel that is created has no handle, and its id is taken": async (bench) => {
    const launch = bench.launch();
    same([bench.runtime.getKernel("subject"), bench.runtime.listKernels()], [undefined, []]);
    same(await codeOf(() => bench.launch()), "KERNEL_ALREADY_ACTIVE");
    same((await launch).state, "active");
  },
  "a kernel that moves is on another thread, with its state and what waits": async (bench) => {
    const kernel = await bench.launch();
    const { thread } = await kernel.call(Where, { any: 0 });
    await kernel.call(Next, { lane: 0 });
    const [waiting, moved] = [kernel.call(Next, { lane: 0 }), kernel.move()];
    same([await waiting, await moved], [{ sum: 1 }, {}]);
    same((await kernel.call(Where, { any: 0 })).thread === thread, false);
    same(await kernel.call(Next, { lane: 0 }), { sum: 2 });
  },
  "messages of a kernel that is deactivated wait, and are handled when it is active again": async (
    bench,
  ) => {
    const kernel = await bench.launch();
    const held = await hold(kernel);
    const waiting = kernel.call(Add, add);
    kernel.deactivate();
    kernel.interrupt();
    same([await held.outcome, kernel.status.inputQueueDepth], ["HANDLER_INTERRUPTED", 1]);
    kernel.activate();
    same(await waiting, { sum: 3 });
  },
  "terminate drains: what was sent is answered, and what was emitted can be received": async (
    bench,
  ) => {
    const kernel = await bench.launch();
    const sums = Array.from({ length: 50 }, (_, a) => kernel.call(Add, { a, b: 0 }));
    same(await kernel.terminate(), { how: "terminated", refused: 0 });
    same(
      (await Promise.all(sums)).map(({ sum }) => sum),
      sums.map((_, a) => a),
    );
  },
  "terminate forces at its deadline, and says so": async (bench) => {
    const kernel = await bench.launch();
    const held = await hold(kernel);
    const queued = codeOf(() => kernel.call(Add, add));
    same((await kernel.terminate({ timeoutMs: 1 })).how, "forced");
    same([await held.outcome, await queued], ["HANDLER_INTERRUPTED", "KERNEL_TERMINATED"]);
  },
  "an id is free once its kernel has ended, however it did": async (bench) => {
    for (const end of ["terminate", "kill"] as const) {
      const kernel = await bench.launch();
      await kernel[end]();
      same([bench.runtime.getKernel("subject"), bench.runtime.listKernels()], [undefined, []]);
    }
    same((await bench.launch()).isActive, true);
  },
  "wait, terminate and kill tell one story": async (bench) => {
    const kernel = await bench.launch();
    const end = await kernel.kill();
    same([end.how, await kernel.wait(), await kernel.kill()], ["killed", end, end]);
  },
  "a launch that shutdown overtakes leaves no kernel and no thread": async (bench) => {
    const runtime = bench.open();
    const launch = codeOf(() => bench.launch({}, subject, runtime));
    await runtime.shutdown();
    await launch;
    same([runtime.listKernels(), runtime.metrics.threads], [[], 0]);
  },
  "an interrupt while nothing runs does not hit what comes later": async (bench) => {
    const kernel = await bench.launch();
    kernel.interrupt();
    await turns();
    const held = await hold(kernel);
    const settled: string[] = [];
    void held.outcome.then((code) => settled.push(code));
    same(await codeOf(() => kernel.receiveTimeout(Counted, 5)), "CALL_TIMEOUT");
    same(settled, []);
  },
  "shutdown ends every kernel and says how": async (bench) => {
    const runtime = bench.open();
    const kernel = await bench.launch({}, subject, runtime);
    same(await runtime.shutdown(), new Map([["subject", { how: "terminated", refused: 0 }]]));
    same([kernel.state, runtime.listKernels()], ["terminated", []]);
  },
};
