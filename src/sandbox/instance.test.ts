import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { type EntryChanges, type KernelText, stillSandbox, verified } from "./kernel.fixture.ts";
import type { Kernel } from "./kernel.ts";

const PAGE = 65_536;

async function load(text: KernelText, changes: EntryChanges = {}): Promise<Kernel> {
  const sandbox = await stillSandbox();
  return sandbox.load(await verified(text, changes));
}

function pages(max_memory_pages: number): EntryChanges {
  return { resource_limits: { max_memory_pages, max_epoch_ticks: 10, max_table_elements: 0 } };
}

/** What the kernel stores into y[0], as an i32. */
function answer(value: string): KernelText {
  return { forward: `(i32.store (i32.load offset=16 (local.get $at)) ${value}) (i32.const 0)` };
}

/** The same bytes as integers. */
function i32s({ buffer, byteOffset, byteLength }: ArrayBufferView): Int32Array {
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}

/** Calls with x[0] as an i32 and gives y[0] as one. */
function ask(kernel: Kernel, x = 0): number {
  const data = new Float32Array(new Int32Array([x]).buffer);
  const { y } = kernel.call({ inputs: { x: { shape: [1], data } } });
  return i32s(y!.data)[0]!;
}

const X = "(i32.load (i32.load (local.get $at)))";
const GROW = answer(`(memory.grow ${X})`);
const HEAP = '(global (export "__heap_base") i32 (i32.const 256))';

test("a kernel's memory grows to its grant, and no further", async () => {
  const text = { ...GROW, fields: HEAP };
  expect(ask(await load(text, pages(5)), 4)).toBe(1);
  expect(ask(await load(text, pages(5)), 5)).toBe(-1);
  expect(ask(await load(text, pages(5)), -1)).toBe(-1);
});

test("a kernel's memory grows to its own maximum, where that is less", async () => {
  const text = { ...GROW, fields: HEAP, memory: "(memory 1 3)" };
  expect(ask(await load(text, pages(5)), 2)).toBe(1);
  expect(ask(await load(text, pages(5)), 3)).toBe(-1);
});

/** Where the first tensor lies. */
async function firstTensor(fields: string, memory = "(memory 1)"): Promise<number> {
  const kernel = await load({ fields, memory });
  using call = kernel.prepare({ inputs: { x: [1] } });
  return call.inputs.x.byteOffset;
}

test("tensors lie behind all that the module claims: its memory, or up to __heap_base", async () => {
  const first = 16 + 48; // Behind params and descriptor, 16-byte aligned.
  expect(await firstTensor("")).toBe(PAGE + first);
  expect(await firstTensor("", "(memory 2)")).toBe(2 * PAGE + first);
  expect(await firstTensor(HEAP)).toBe(256 + first);
  expect(await firstTensor('(global (export "__heap_base") i32 (i32.const 1000))')).toBe(
    1008 + first,
  );
  expect(await firstTensor(`(global (export "__heap_base") i32 (i32.const ${PAGE}))`)).toBe(
    PAGE + first,
  );
});

test.each([
  ["beyond memory", `i32 (i32.const ${PAGE + 1})`],
  ["negative, which is beyond memory", "i32 (i32.const -16)"],
  ["mutable, so that nothing holds it to its word", "(mut i32) (i32.const 256)"],
  ["of another type", "i64 (i64.const 256)"],
])("a __heap_base that is %s counts as none", async (_, global) => {
  const kernel = await load({ fields: `(global (export "__heap_base") ${global})` });
  using call = kernel.prepare({ inputs: { x: [1] } });
  expect(call.inputs.x.byteOffset).toBeGreaterThan(PAGE);
});

test("a __heap_base of 0 does not hand out offset 0, which means unused", async () => {
  const kernel = await load({ fields: '(global (export "__heap_base") i32 (i32.const 0))' });
  using call = kernel.prepare({ inputs: { x: [1] } });
  expect(call.inputs.x.byteOffset).toBe(16 + 16 + 48);
});

test("a module of 0 pages gets pages for its tensors, and none where it is granted none", async () => {
  const text = { memory: "(memory 0)", ...answer("(memory.size)") };
  const kernel = await load(text, pages(1));
  expect(ask(kernel)).toBe(1);
  expect(failureOf(() => kernel.prepare({ inputs: { x: [20_000] } })).code).toBe("OUT_OF_MEMORY");
  const poor = await load(text, pages(0));
  expect(failureOf(() => ask(poor)).code).toBe("OUT_OF_MEMORY");
});

test("memory grows with the tensors up to the grant, to the last byte", async () => {
  const kernel = await load({ fields: HEAP }, pages(3));
  const room = (3 * PAGE - 256 - 16 - 48) / 2; // Two tensors of one size, and no gaps below 4 KiB.
  const elements = Math.floor((room - 4096) / 4);
  using call = kernel.prepare({ inputs: { x: [elements] } });
  expect(call.outputs["y"]!.byteOffset + elements * 4).toBeLessThanOrEqual(3 * PAGE);
  const failure = failureOf(() => kernel.prepare({ inputs: { x: [elements + 3000] } }));
  expect([failure.code, typeof failure.detail["asked"]]).toEqual(["OUT_OF_MEMORY", "number"]);
  expect(kernel.counts().lent).toBe(1); // The refused call gave its instance back.
});

test("a shape of nearly 4 GiB is OUT_OF_MEMORY at once, and takes nothing", async () => {
  const kernel = await load({}, pages(65_536));
  expect(failureOf(() => kernel.prepare({ inputs: { x: [2 ** 30 - 1] } })).code).toBe(
    "OUT_OF_MEMORY",
  );
  using lease = kernel.lease();
  lease.prepare({ inputs: { x: [16] } }).run();
});

test("views stay good while later calls make the memory grow", async () => {
  const kernel = await load({ ...answer(X), fields: HEAP });
  using lease = kernel.lease();
  const first = lease.prepare({ inputs: { x: [1] } });
  const x = i32s(first.inputs.x);
  const y = i32s(first.outputs["y"]!);
  const before = x.buffer;
  const large = lease.prepare({ inputs: { x: [50_000] } });
  expect(large.inputs.x.buffer).not.toBe(before); // The memory has grown.
  x[0] = 1234;
  first.run();
  expect(y[0]).toBe(1234);
  large.inputs.x.fill(2);
  large.run();
  expect(large.outputs["y"]![0]).toBe(2);
});

test("what the kernel grows by itself is its own: the arena ends where it did", async () => {
  const kernel = await load({ ...GROW, fields: HEAP });
  using lease = kernel.lease();
  const call = lease.prepare({ inputs: { x: [1] } });
  i32s(call.inputs.x)[0] = 2;
  call.run();
  call.run();
  lease.prepare({ inputs: { x: [100] } }).run(); // What is left of the first page still serves.
  const failure = failureOf(() => lease.prepare({ inputs: { x: [30_000] } }));
  expect(failure.code).toBe("OUT_OF_MEMORY");
});

test("the start function may grow memory before any tensor is placed", async () => {
  const fields = "(func $s (drop (memory.grow (i32.const 2)))) (start $s)";
  const kernel = await load({ ...answer("(memory.size)"), fields });
  using call = kernel.prepare({ inputs: { x: [1] } });
  expect(call.inputs.x.byteOffset).toBeGreaterThan(3 * PAGE);
  call.run();
  expect(i32s(call.outputs["y"]!)[0]).toBe(4);
});

/** y = x + 1, element by element. */
const ADDS_ONE: KernelText = {
  forward: `(local $x i32) (local $y i32) (local $end i32)
    (local.set $x (i32.load (local.get $at)))
    (local.set $y (i32.load offset=16 (local.get $at)))
    (local.set $end (i32.add (local.get $x) (i32.load offset=4 (local.get $at))))
    (loop $next (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (f32.store (local.get $y) (f32.add (f32.load (local.get $x)) (f32.const 1)))
      (local.set $x (i32.add (local.get $x) (i32.const 4)))
      (local.set $y (i32.add (local.get $y) (i32.const 4)))
      (br $next))))
    (i32.const 0)`,
};

test("tensors are the kernel's own memory: nothing is copied in or out", async () => {
  const kernel = await load(ADDS_ONE);
  using call = kernel.prepare({ inputs: { x: [3] } });
  const { x } = call.inputs;
  const y = call.outputs["y"]!;
  expect(x.buffer).toBe(y.buffer);
  for (const first of [10, 20]) {
    x.set([first, first + 1, first + 2]);
    call.run();
    expect([...y]).toEqual([first + 1, first + 2, first + 3]);
  }
});

/** What `expression` of x and y is in a thread of its own. */
async function inThread(expression: string, workerData: object): Promise<unknown> {
  const source = `const { parentPort, workerData: { x, y } } = require("node:worker_threads");
    parentPort.postMessage(${expression});`;
  const worker = new Worker(source, { eval: true, workerData, execArgv: [] });
  const told = await new Promise((resolve) => void worker.once("message", resolve));
  await worker.terminate();
  return told;
}

test("another thread's writes to an input reach the kernel, and it sees the output", async () => {
  const kernel = await load(ADDS_ONE);
  using call = kernel.prepare({ inputs: { x: [4] } });
  const { x } = call.inputs;
  const y = call.outputs["y"]!;
  await inThread("x.set([1, 2, 3, 4])", { x, y });
  call.run();
  expect([...y]).toEqual([2, 3, 4, 5]);
  expect(await inThread("[...y]", { x, y })).toEqual([2, 3, 4, 5]);
});

// After a trap.

/** Keeps a count in a global, in memory and in y[0]; traps where x[0] is not 0. */
const COUNTS: KernelText = {
  fields: `(global $n (mut i32) (i32.const 0)) (data (i32.const 64) "\\05")
    (func $grow (drop (memory.grow (i32.const 0))))`,
  init: "(i32.store (i32.const 128) (i32.add (i32.load (i32.const 128)) (i32.const 1))) (i32.const 0)",
  forward: `(local $y i32)
    (local.set $y (i32.load offset=16 (local.get $at)))
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
    (i32.store (local.get $y) (global.get $n))
    (i32.store offset=4 (local.get $y) (i32.load (i32.const 64)))
    (i32.store offset=8 (local.get $y) (i32.load (i32.const 128)))
    (if ${X} (then unreachable))
    (i32.const 0)`,
};

test("after a trap a call goes on in a fresh instance over the same tensors", async () => {
  const kernel = await load(COUNTS);
  using call = kernel.prepare({ inputs: { x: [3] } });
  const [x, y] = [i32s(call.inputs.x), i32s(call.outputs["y"]!)];
  x.set([0, 7, 8]);
  call.run();
  call.run();
  expect([...y]).toEqual([2, 7, 1]); // Global, static data, count of kernel_init.
  x[0] = 1;
  expect(failureOf(() => call.run()).code).toBe("KERNEL_UNREACHABLE");
  expect([...y]).toEqual([3, 8, 1]); // What it had written stays.
  x[0] = 0;
  call.run();
  expect([...y]).toEqual([1, 6, 1]);
  expect([...x]).toEqual([0, 7, 8]);
  expect(kernel.counts()).toMatchObject({ created: 1, discarded: 0, lent: 1 });
});

test("after a trap every call of the lease is set up anew, whichever runs first", async () => {
  const kernel = await load(COUNTS);
  using lease = kernel.lease();
  const [a, b] = [1, 2].map(() => lease.prepare({ inputs: { x: [3] } }));
  const flag = i32s(a!.inputs.x);
  for (const first of [a!, b!]) {
    flag[0] = 1;
    expect(failureOf(() => a!.run()).code).toBe("KERNEL_UNREACHABLE");
    flag[0] = 0;
    first.run();
    b!.run();
    a!.run();
  }
});

test("a call prepared after a trap does not enter the instance that trapped", async () => {
  const kernel = await load(COUNTS);
  using lease = kernel.lease();
  const call = lease.prepare({ inputs: { x: [3] } });
  const flag = i32s(call.inputs.x);
  flag[0] = 1;
  expect(failureOf(() => call.run()).code).toBe("KERNEL_UNREACHABLE");
  flag[0] = 0;
  const next = lease.prepare({ inputs: { x: [3] } });
  next.inputs.x.fill(0);
  next.run();
  const y = next.outputs["y"]!;
  expect([...i32s(y)]).toEqual([1, 6, 1]);
});

test("an instance whose lease ends after a trap is not lent again", async () => {
  const kernel = await load(COUNTS);
  const lease = kernel.lease();
  const call = lease.prepare({ inputs: { x: [3] } });
  i32s(call.inputs.x)[0] = 1;
  expect(failureOf(() => call.run()).code).toBe("KERNEL_UNREACHABLE");
  lease[Symbol.dispose]();
  expect(kernel.counts()).toMatchObject({ created: 1, idle: 0, lent: 0, discarded: 1 });
});

test("one that was set up anew after its trap is as good as any other", async () => {
  const kernel = await load(COUNTS);
  const call = kernel.prepare({ inputs: { x: [3] } });
  const flag = i32s(call.inputs.x);
  flag[0] = 1;
  expect(failureOf(() => call.run()).code).toBe("KERNEL_UNREACHABLE");
  flag[0] = 0;
  call.run();
  call[Symbol.dispose]();
  expect(kernel.counts()).toMatchObject({ created: 1, idle: 1, discarded: 0 });
});
