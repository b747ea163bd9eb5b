import { expect, test } from "vitest";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import {
  chainOf,
  DOUBLES,
  doubling,
  REFUSED,
  returning,
  SCRIBBLES,
  TRAPS,
} from "./fallback.fixture.ts";
import type { PreparedChain } from "./fallback-prepared.ts";

const SETUP = { inputs: { x: [3] } };
const X = Float32Array.of(1, 2, 3);
const DOUBLED = Float32Array.of(2, 4, 6);
const KERNEL = { kind: "kernel", id: "0" };

/** The numbers of a tensor, wherever they lie. */
const numbers = (view: ArrayLike<number>) => Float32Array.from(view);

function fill(call: PreparedChain<{ x: readonly number[] }>): void {
  call.inputs.x.set(X as never);
}

test("PreparedChain.run() runs the kernel in place while it works", async () => {
  const { chain, sandbox, events } = await chainOf({ kernels: [DOUBLES], reference: doubling });
  using call = chain.prepare(SETUP);
  expect(call.inputs.x.buffer).toBeInstanceOf(SharedArrayBuffer); // The kernel's own memory.
  fill(call);
  const answer = call.run();
  expect(answer).toEqual({ degraded: false, by: KERNEL, failures: [] });
  expect(call.outOfPlace).toBeUndefined();
  expect(call.run()).toBe(answer); // Nothing is made for a call that goes well.
  expect(numbers(call.outputs["y"]!)).toEqual(DOUBLED);
  expect(call.shapes.dims).toEqual({ n: 3 });
  expect(events).toEqual([]);
  expect(chain.counts()).toMatchObject({ degraded: 0, links: [{ answered: 2 }, { answered: 0 }] });
  expect(sandbox.kernel("0").counts().lent).toBe(1);
  call[Symbol.dispose]();
  expect(sandbox.kernel("0").counts().lent).toBe(0);
  expect(failureOf(() => call.run()).code).toBe("DISPOSED");
});

test("a kernel that overwrites its inputs and then traps spoils neither result nor inputs", async () => {
  const seen: Float32Array[] = [];
  const reference = (call: Parameters<typeof doubling>[0]) => {
    seen.push(numbers(call.inputs["x"]!));
    return doubling(call);
  };
  const { chain, events } = await chainOf({ kernels: [SCRIBBLES], reference });
  using call = chain.prepare(SETUP);
  const [x, y] = [call.inputs.x, call.outputs["y"]!];
  fill(call);
  for (let i = 1; i <= 3; i++) {
    expect(call.run()).toMatchObject({ degraded: true, by: { id: "doubling" } });
    expect(numbers(y)).toEqual(DOUBLED); // The very view that the caller has.
    expect(numbers(x)).toEqual(X);
    expect(chain.counts().degraded).toBe(i);
  }
  expect(seen).toEqual([X, X, X]);
  const order = ["trapped", "discarded", "falling-back", "degraded"];
  expect(events.map(({ type }) => type)).toEqual([...order, ...order, ...order]);
});

test("inputs are put back also when no link answers", async () => {
  const { chain } = await chainOf({ kernels: [SCRIBBLES], reference: () => 6 });
  using call = chain.prepare(SETUP);
  fill(call);
  expect(failureOf(() => call.run()).code).toBe("FALLBACKS_EXHAUSTED");
  expect(numbers(call.inputs.x)).toEqual(X);
});

test("a second kernel computes from the copy, with the budget that was asked for", async () => {
  const { chain } = await chainOf({ kernels: [SCRIBBLES, DOUBLES] });
  using call = chain.prepare(SETUP);
  fill(call);
  expect(call.run()).toMatchObject({ degraded: true, by: { kind: "kernel", id: "1" } });
  expect(numbers(call.outputs["y"]!)).toEqual(DOUBLED);
  const failure = failureOf(() => call.run({ budgetTicks: 0 })); // Neither gets to run.
  expect(failure.issues.map(({ code }) => code)).toEqual(["KERNEL_DEADLINE", "KERNEL_DEADLINE"]);
});

test("what is the caller's own fault is thrown", async () => {
  const { chain } = await chainOf({ kernels: [returning(1)], reference: doubling });
  using call = chain.prepare(SETUP);
  expect(failureOf(() => call.run())).toMatchObject({ code: "KERNEL_CODE", returned: 1 });
  expect(failureOf(() => chain.prepare({ inputs: { x: [1, 2] } })).code).toBe("SHAPE_MISMATCH");
  expect(failureOf(() => chain.prepare({ ...SETUP, params: { a: 1 } })).code).toBe("PARAM_INVALID");
});

test.each([
  ["does not load", REFUSED, "MODULE_REFUSED"],
  ["traps in kernel_init", { ...DOUBLES, init: "(unreachable)" }, "KERNEL_UNREACHABLE"],
])("a kernel that %s is stood in for, in memory of the host's own", async (_, kernel, code) => {
  const { chain } = await chainOf({ kernels: [kernel, TRAPS], reference: doubling });
  using call = chain.prepare(SETUP);
  expect(call.inputs.x.buffer).toBeInstanceOf(ArrayBuffer);
  expect(call.outOfPlace!.code).toBe(code);
  fill(call);
  for (let i = 0; i < 2; i++) {
    const { degraded, failures } = call.run();
    expect([degraded, failures.length]).toEqual([true, 2]);
    expect(numbers(call.outputs["y"]!)).toEqual(DOUBLED);
  }
  expect(numbers(call.inputs.x)).toEqual(X);
});

test("an empty pool refuses a prepared call, which would stay slow, until an instance is back", async () => {
  const limits = { poolInstancesMax: 1 };
  const tested = await chainOf({ kernels: [DOUBLES], reference: doubling, sandbox: { limits } });
  const lease = tested.sandbox.kernel("0").lease();
  expect(failureOf(() => tested.chain.prepare(SETUP)).code).toBe("POOL_EXHAUSTED");
  lease[Symbol.dispose]();
  using call = tested.chain.prepare(SETUP);
  fill(call);
  expect([call.outOfPlace, call.run().degraded]).toEqual([undefined, false]);
  expect(numbers(call.outputs["y"]!)).toEqual(DOUBLED);
});

test("a disposed call in the host's own memory no longer runs", async () => {
  const { chain } = await chainOf({ kernels: [REFUSED], reference: doubling });
  const call = chain.prepare(SETUP);
  call[Symbol.dispose]();
  expect(failureOf(() => call.run()).code).toBe("DISPOSED");
});

test("a first link that rests is not entered", async () => {
  const options = { restAfter: 1 };
  const { chain, events } = await chainOf({ kernels: [SCRIBBLES], reference: doubling, options });
  using call = chain.prepare(SETUP);
  fill(call);
  for (let i = 0; i < 3; i++) expect(call.run().degraded).toBe(true);
  expect(numbers(call.outputs["y"]!)).toEqual(DOUBLED);
  expect(events.filter(({ type }) => type === "trapped")).toHaveLength(1);
  expect(chain.counts().links[0]).toMatchObject({ failed: 1, rested: 2 });
});

/** What the two bodies declare, which stands first in a function. */
const LOCALS_OF = /^(?:\(local \$\w+ i32\)\s*)+/;
const LOCALS = [SCRIBBLES, DOUBLES].map(({ forward }) => LOCALS_OF.exec(forward!)![0]).join("");

test("a chain that goes back to its kernel finds it as good as new", async () => {
  const forward = `${LOCALS}
    (if (f32.ge (f32.load (i32.load (local.get $at))) (f32.const 9))
      (then ${SCRIBBLES.forward!.replace(LOCALS_OF, "")}))
    ${DOUBLES.forward!.replace(LOCALS_OF, "")}`;
  const { chain } = await chainOf({ kernels: [{ forward }], reference: doubling });
  using call = chain.prepare(SETUP);
  call.inputs.x.set([9, 2, 3] as never);
  expect(call.run().degraded).toBe(true);
  expect(numbers(call.outputs["y"]!)).toEqual(Float32Array.of(18, 4, 6));
  fill(call);
  expect(call.run().degraded).toBe(false);
  expect(numbers(call.outputs["y"]!)).toEqual(DOUBLED);
});

test("tenants are kept apart in the links by value as well", async () => {
  const { chain, sandbox } = await chainOf({ kernels: [TRAPS, DOUBLES] });
  using call = chain.prepare({ ...SETUP, tenant: "a" });
  call.run();
  chain.call({ inputs: { x: { shape: [1], data: new Float32Array(1) } }, tenant: "b" });
  expect(sandbox.kernel("1").counts()).toMatchObject({ created: 2, idle: 2 });
});

test("a chain whose kernel was unloaded says so", async () => {
  const { chain, sandbox } = await chainOf({ kernels: [DOUBLES], reference: doubling });
  sandbox.unload(sandbox.kernel("0"));
  await expect(
    failureIn(Promise.resolve().then(() => chain.prepare(SETUP))),
  ).resolves.toMatchObject({ code: "DISPOSED" });
});
