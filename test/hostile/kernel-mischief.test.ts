// Kernels that do within their own memory, tables and exceptions what they should not. It harms
// themselves at most: the host, its views and whoever is called next stay as they were.

import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { failureIn, failureOf } from "../../src/pack/failure-of.fixture.ts";
import { hasFeature } from "../../src/pack/mod.ts";
import type { Kernel, KernelError } from "../../src/sandbox/mod.ts";
import {
  type EntryChanges,
  kernelText,
  type KernelText,
  stillSandbox,
  verified,
} from "../../src/sandbox/kernel.fixture.ts";
import { assemble } from "../../src/sandbox/trap.fixture.ts";

type Source = KernelText | Uint8Array<ArrayBuffer>;

async function load(source: Source, changes: EntryChanges = {}): Promise<Kernel> {
  const sandbox = await stillSandbox({ preset: "threaded" });
  return sandbox.load(await verified(source, changes));
}

const WORDS: EntryChanges = {
  inputs: [{ name: "x", dtype: "i32", shape: ["n"] }],
  outputs: [{ name: "y", dtype: "i32", shape: ["n"] }],
  params: { p: { type: "u32", default: 7 } },
};

/** y[0] = x[0] + p; then, where x[0] is 1, does `harm`. */
function harming(harm: string): KernelText {
  return {
    fields: '(data (i32.const 64) "\\2a")',
    forward: `(i32.store (i32.load offset=16 (local.get $at))
        (i32.add (i32.load (i32.load (local.get $at)))
          (i32.add (i32.load (i32.load offset=32 (local.get $at)))
            (i32.load8_u (i32.const 64)))))
      (if (i32.eq (i32.load (i32.load (local.get $at))) (i32.const 1)) (then ${harm}))
      (i32.const 0)`,
  };
}

const END = "(i32.mul (memory.size) (i32.const 65536))";

test.each([
  ["its descriptor", "(memory.fill (local.get $at) (i32.const 255) (i32.const 40))"],
  ["its params", "(i32.store (i32.load offset=32 (local.get $at)) (i32.const -1))"],
  ["its input", "(i32.store (i32.load (local.get $at)) (i32.const 9))"],
  ["its static data", "(i32.store8 (i32.const 64) (i32.const 0))"],
  ["all of its memory", `(memory.fill (i32.const 0) (i32.const 255) ${END})`],
])("a kernel that overwrites %s, and then traps, is as good as new", async (_, harm) => {
  const kernel = await load(harming(`${harm} unreachable`), WORDS);
  using call = kernel.prepare({ inputs: { x: [4] } });
  const where = [call.inputs.x.byteOffset, call.outputs["y"]!.byteOffset];
  for (let i = 0; i < 3; i++) {
    call.inputs.x.set([1, 0, 0, 0]);
    const error = failureOf(() => call.run()) as KernelError;
    // The report is of the host's own words, not of what the kernel left of them.
    expect([error.descriptor!.inputA[0], error.descriptor!.output[0]]).toEqual(where);
    call.inputs.x.set([2, 0, 0, 0]);
    call.run();
    expect(call.outputs["y"]![0]).toBe(2 + 7 + 42);
  }
});

test("a kernel that overwrites its descriptor and goes on harms only its own next run", async () => {
  const harm = "(memory.fill (local.get $at) (i32.const 255) (i32.const 40))";
  const kernel = await load(harming(harm), WORDS);
  using lease = kernel.lease();
  const [call, other] = [1, 2].map(() => lease.prepare({ inputs: { x: [1] } }));
  call!.inputs.x.set([1]);
  call!.run();
  expect(failureOf(() => call!.run())).toMatchObject({ kind: "MemoryAccessViolation" });
  other!.inputs.x.set([5]);
  other!.run();
  expect(other!.outputs["y"]![0]).toBe(5 + 7 + 42);
  call!.inputs.x.set([5]);
  call!.run();
  expect(call!.outputs["y"]![0]).toBe(5 + 7 + 42);
});

test("a call by value writes everything anew, whatever the last one left", async () => {
  const harm = `(memory.fill (i32.const 128) (i32.const 255) (i32.sub ${END} (i32.const 128)))`;
  const kernel = await load(harming(harm), WORDS);
  const ask = (x: number) =>
    kernel.call({ inputs: { x: { shape: [1], data: new Int32Array([x]) } } })["y"]!.data[0];
  expect([ask(1), ask(5), ask(1), ask(6)]).toEqual([-1, 54, -1, 55]);
});

test("another thread that scribbles over a running kernel's memory ends in kernel errors at worst", async () => {
  const sums = `(local $i i32) (local $sum i32)
    (loop $next (if (i32.lt_u (local.get $i) (i32.load offset=4 (local.get $at))) (then
      (local.set $sum (i32.add (local.get $sum)
        (i32.load (i32.add (i32.load (local.get $at)) (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (br $next))))
    (i32.store (i32.load offset=16 (local.get $at)) (local.get $sum)) (i32.const 0)`;
  const kernel = await load({ forward: sums }, WORDS);
  using call = kernel.prepare({ inputs: { x: [1000] } });
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const source = `
    const { parentPort, workerData: { words, stop } } = require("node:worker_threads");
    parentPort.postMessage("ready");
    for (let i = 1; Atomics.load(stop, 0) === 0; i = (i * 48271) % 0x7fffffff)
      words[i % words.length] = i & 1 ? i : -i;`;
  const words = new Int32Array(call.inputs.x.buffer);
  const options = { eval: true, workerData: { words, stop }, execArgv: [] };
  const worker = new Worker(source, options);
  await new Promise((resolve) => void worker.once("message", resolve));
  for (let i = 0; i < 2000; i++) {
    try {
      call.run();
    } catch (error) {
      expect(error).toMatchObject({ name: "KernelError" });
    }
  }
  Atomics.store(stop, 0, 1);
  await worker.terminate();
  const ones = { shape: [3], data: new Int32Array([1, 2, 3]) };
  expect(kernel.call({ inputs: { x: ones }, tenant: "new" })["y"]!.data[0]).toBe(6);
});

test("an exception that leaves a kernel is its error, and ends the instance like any trap", async () => {
  const kernel = await load({
    fields: "(tag $e (param i32)) (global $n (mut i32) (i32.const 0))",
    forward: `(global.set $n (i32.add (global.get $n) (i32.const 1)))
      (i32.store (i32.load offset=16 (local.get $at)) (global.get $n))
      (if (i32.load (i32.load (local.get $at))) (then (throw $e (i32.const 5)))) (i32.const 0)`,
  });
  using call = kernel.prepare({ inputs: { x: [1] } });
  for (let i = 0; i < 2; i++) {
    call.inputs.x.set([1]);
    const error = failureOf(() => call.run());
    expect(error).toMatchObject({ kind: "KernelTrap", trap: "exception", code: "KERNEL_TRAP" });
    expect(error.cause).toBeInstanceOf(WebAssembly.Exception);
    call.inputs.x.set([0]);
    call.run();
    const y = call.outputs["y"]!;
    expect(new Int32Array(y.buffer, y.byteOffset, 1)[0]).toBe(1);
  }
});

test.each(["kernel_init", "kernel_info"])(
  "an exception that leaves %s is a KernelTrap",
  async (name) => {
    const body = "(throw $e)";
    const kernel = await load({ fields: "(tag $e)", init: body, info: body });
    const use = () =>
      name === "kernel_info" ? kernel.info() : kernel.prepare({ inputs: { x: [1] } });
    expect(failureOf(use)).toMatchObject({ kind: "KernelTrap", trap: "exception" });
  },
);

test.runIf(hasFeature("exceptions"))(
  "so is one that was caught as a reference, and thrown again",
  async () => {
    const text = kernelText({
      fields: "(tag $e)",
      forward:
        "(throw_ref (block $caught (result exnref) (try_table (catch_all_ref $caught) (throw $e)) unreachable))",
    });
    const bytes = await assemble({
      text: text.slice("(module ".length, -1),
      assembler: "binaryen",
    });
    const kernel = await load(bytes);
    const use = () => kernel.call({ inputs: { x: { shape: [1], data: new Float32Array(1) } } });
    expect(failureOf(use)).toMatchObject({ kind: "KernelTrap", trap: "exception" });
  },
);

/** A body that would rather return 0 than stop. */
const caught = (body: string) =>
  `(try (do ${body}) (catch_all (return (i32.const 0)))) (i32.const 0)`;

test("no kernel catches its own stop: neither trap nor overflow nor deadline", async () => {
  const fields = "(func $r (call $r))";
  const stops = [
    ["unreachable", "Unreachable", undefined],
    ["(drop (i32.div_u (i32.const 1) (i32.const 0)))", "IntegerOverflow", undefined],
    ["(call $r)", "StackOverflow", undefined],
    ["(loop (br 0))", "KernelTrap", 10_000n],
  ] as const;
  for (const [body, kind, fuel] of stops) {
    const sandbox = await stillSandbox({ interrupt: fuel === undefined ? "epoch" : "fuel" });
    const kernel = await sandbox.load(await verified({ fields, forward: caught(body) }));
    using call = kernel.prepare({ inputs: { x: [1] }, fuel });
    expect(failureOf(() => call.run())).toMatchObject({ kind });
  }
});

test.each([
  ["memory", "(memory.grow (i32.const 1))", 16],
  ["a table", "(table.grow $t (ref.null func) (i32.const 1))", 64],
])("a kernel that grows %s as far as it goes comes to its limit", async (_, grow, limit) => {
  const size = grow.includes("table") ? "(table.size $t)" : "(memory.size)";
  const kernel = await load(
    {
      fields: '(table $t 0 funcref) (global (export "__heap_base") i32 (i32.const 256))',
      forward: `(loop (br_if 0 (i32.ge_s ${grow} (i32.const 0))))
      (i32.store (i32.load offset=16 (local.get $at)) ${size}) (i32.const 0)`,
    },
    WORDS,
  );
  for (const tenant of ["a", "b", "c", "d", "e", "f"]) {
    const x = { shape: [1], data: new Int32Array(1) };
    expect(kernel.call({ inputs: { x }, tenant })["y"]!.data[0]).toBe(limit);
  }
});

test("a hundred thousand tables are refused, however small each is", async () => {
  const failure = await failureIn(load({ fields: "(table 0 funcref)".repeat(1000) }));
  expect(failure.issues.map(({ code }) => code)).toContain("table-too-large");
});

const FORGED = "x\n    at y (wasm://wasm/0:wasm-function[99]:0xdead)\u001b[2J\u202e\n";

/** A name section of one subsection that begins with `head`, then FORGED. */
function nameSection(...head: readonly number[]): number[] {
  const text = [...new TextEncoder().encode(FORGED)];
  const subsection = [...head, text.length, ...text];
  const content = [
    4,
    110,
    97,
    109,
    101,
    subsection[0]!,
    subsection.length - 1,
    ...subsection.slice(1),
  ];
  return [0, content.length, ...content];
}

test.each([
  ["the module's name", nameSection(0), ""],
  ["a function's name", nameSection(1, 1, 0), ""],
  [
    "an export's name",
    [],
    `(export ${JSON.stringify(FORGED).replaceAll(/\\u(\w+)/g, "\\u{$1}")} (func $init))`,
  ],
])("%s cannot forge a report, nor move a terminal's cursor", async (_, section, fields) => {
  const text = kernelText({ init: "unreachable", fields });
  const bytes = await assemble({ text: text.slice("(module ".length, -1) }, false);
  const kernel = await load(new Uint8Array([...bytes, ...section]));
  const error = failureOf(() => kernel.prepare({ inputs: { x: [1] } })) as KernelError;
  expect(error.functionIndex).toBe(0);
  expect(error.offset).toBeLessThan(bytes.length);
  expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(JSON.stringify(error)).not.toMatch(/\\u001b|\u202e/);
});
