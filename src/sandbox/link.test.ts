// Link: what the engine throws out of a rewritten kernel becomes one error that speaks of the author's
// module. The judge is the engine itself, running the author's own bytes.

import { expect, test } from "vitest";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import { kernelText, stillSandbox, verified } from "./kernel.fixture.ts";
import type { Kernel } from "./kernel.ts";
import type { InterruptMode } from "./program.ts";
import { type KernelError, classifyTrap } from "./trap.ts";
import { innermostFrame } from "./trap-frame.ts";
import { assemble, TRAP_MODULES, type TrapModule } from "./trap.fixture.ts";

const MODES: readonly InterruptMode[] = ["epoch", "fuel", "none"];

/** Leaves the arena most of the only page, so that memory ends where the fixture says. */
const HEAP = '(global (export "__heap_base") i32 (i32.const 1024))';

/** A kernel whose forward function does what the fixture's `f` does. */
async function kernelOf(module: TrapModule): Promise<Uint8Array<ArrayBuffer>> {
  const name = /\(func (\$\w+) \(export "f"\)/.exec(module.text)?.[1];
  const text = kernelText({
    fields: `${HEAP} ${module.text.replace('(export "f")', "").replace("(memory 1)", "(memory 1 1)")}`,
    memory: /\(memory /.test(module.text) ? "" : "(memory 1 1)",
    forward: `${name === undefined ? "" : `(call ${name})`} (i32.const 0)`,
  });
  return assemble({ ...module, text: text.slice("(module ".length, -1) });
}

async function load(bytes: Uint8Array<ArrayBuffer>, interrupt: InterruptMode): Promise<Kernel> {
  const sandbox = await stillSandbox({ preset: "threaded", interrupt });
  return sandbox.load(await verified(bytes));
}

const REQUEST = { inputs: { x: { shape: [2], data: new Float32Array(2) } } };

/** What the engine says when the author's own module is called. */
function judge(bytes: Uint8Array<ArrayBuffer>): Error {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    (exports["forward"] as (at: number) => number)(0);
  } catch (error) {
    return error as Error;
  }
  throw new Error("the author's module does not trap");
}

/** What the sandbox refuses to load, by what it says. */
const REFUSED = /\(memory i64|memory\.atomic\.wait|\(struct/;
const fitting = TRAP_MODULES.filter(({ text }) => !REFUSED.test(text));
const refused = TRAP_MODULES.filter(({ text }) => REFUSED.test(text));
const stackless = fitting.filter(({ trap }) => trap !== "stack-overflow");

test.each(stackless)(
  "$what: kind, function and byte are the author's, in every mode",
  async (module) => {
    const bytes = await kernelOf(module);
    const raw = judge(bytes);
    const expected = classifyTrap(raw, "v8", 0)!;
    const frame = innermostFrame(raw.stack);
    expect(expected.trap).toBe(module.trap);
    for (const mode of MODES) {
      const kernel = await load(bytes, mode);
      const error = failureOf(() => kernel.call(REQUEST)) as KernelError;
      expect(error).toMatchObject({ ...expected, kernel: "test", name: "KernelError" });
      expect([error.functionIndex, error.functionName, error.offset]).toEqual([
        frame?.functionIndex,
        frame?.functionName,
        frame?.offset,
      ]);
      expect(error.cause).toBeDefined();
    }
  },
);

test.each(fitting.filter(({ trap }) => trap === "stack-overflow"))(
  "$what: StackOverflow in one of the author's functions",
  async (module) => {
    const bytes = await kernelOf(module);
    for (const mode of MODES) {
      const kernel = await load(bytes, mode);
      const error = failureOf(() => kernel.call(REQUEST)) as KernelError;
      expect(error).toMatchObject({ kind: "StackOverflow", code: "KERNEL_STACK" });
      expect(["r", "a", "b"]).toContain(error.functionName);
      expect(error.offset).toBeLessThan(bytes.length);
    }
  },
);

test.each(refused)("$what: refused before it can run", async (module) => {
  const failure = await failureIn(load(await kernelOf(module), "epoch"));
  expect(failure.code).toBe("MODULE_REFUSED");
});

/** Where `instruction` stands in `bytes`, which holds it once. */
function placeOf(bytes: Uint8Array, ...instruction: readonly number[]): number {
  const found = [...bytes.keys()].filter((at) =>
    instruction.every((byte, i) => bytes[at + i] === byte),
  );
  expect(found).toHaveLength(1);
  return found[0]!;
}

const DIV = {
  fields: `(func $innocent (param i32) (result i32) (loop (br_if 0 (i32.const 0))) (local.get 0))
    (func $divides (param i32) (result i32)
      (loop (br_if 0 (i32.const 0)))
      (i32.div_u (i32.const 77) (call $innocent (i32.const 0))))`,
  forward: "(call $divides (local.get $at))",
};

test("the byte is where the instruction stands in the file that the author built", async () => {
  const bytes = await assemble({ text: kernelText(DIV).slice("(module ".length, -1) });
  const at = placeOf(bytes, 0x41, 0xcd, 0x00, 0x41, 0x00, 0x10, 0x00, 0x6e) + 7; // i32.div_u
  const kernel = await load(bytes, "epoch");
  const error = failureOf(() => kernel.call(REQUEST)) as KernelError;
  expect([error.offset, error.functionName]).toEqual([at, "divides"]);
  expect(error.at).toBe(`kernel "test", function 1 "divides", byte 0x${at.toString(16)}`);
});

test("a call stopped at its deadline names the loop that it was in", async () => {
  const bytes = await assemble({
    text: kernelText({
      fields: "(func $spins (loop (br 0)))",
      forward: "(call $spins) (i32.const 0)",
    }).slice("(module ".length, -1),
  });
  const sandbox = await stillSandbox({ interrupt: "fuel" });
  const kernel = await sandbox.load(await verified(bytes));
  const error = failureOf(() => kernel.call({ ...REQUEST, fuel: 1000n })) as KernelError;
  expect(error.functionName).toBe("spins");
  const loop = placeOf(bytes, 0x03, 0x40, 0x0c, 0x00); // loop, br 0
  expect(error.offset).toBeGreaterThanOrEqual(loop);
  expect(error.offset).toBeLessThanOrEqual(loop + 4);
});

test("an error carries the regions of the call that it ended", async () => {
  const kernel = await load(
    await assemble({ text: kernelText({ forward: "unreachable" }).slice(8, -1) }),
    "epoch",
  );
  using call = kernel.prepare({ inputs: { x: [2] } });
  const error = failureOf(() => call.run()) as KernelError;
  const { inputA, inputB, output, params } = error.descriptor!;
  expect(inputA).toEqual([call.inputs.x.byteOffset, call.inputs.x.byteOffset + 8]);
  const y = call.outputs["y"]!;
  expect(output).toEqual([y.byteOffset, y.byteOffset + 8]);
  expect(inputB).toEqual([0, 0]);
  expect(params[1] - params[0]).toBe(4); // The dimension n.
  const once = failureOf(() => kernel.call(REQUEST)) as KernelError;
  expect(Object.keys(once.descriptor!)).toEqual(Object.keys(error.descriptor!));
});

test.each([1, 2, 3, 4, 5, 6, 99, -1, 0x7fffffff, -0x80000000])(
  "code %d is an answer: the instance stays good, and its state with it",
  async (code) => {
    const text = {
      fields: "(global $runs (mut i32) (i32.const 0))",
      forward: `(global.set $runs (i32.add (global.get $runs) (i32.const 1)))
        (i32.store (i32.load offset=16 (local.get $at)) (global.get $runs)) (i32.const ${code})`,
    };
    const sandbox = await stillSandbox();
    const kernel = await sandbox.load(await verified(text));
    using call = kernel.prepare({ inputs: { x: [1] } });
    const y = new Int32Array(call.outputs["y"]!.buffer, call.outputs["y"]!.byteOffset, 1);
    for (const run of [1, 2, 3]) {
      const error = failureOf(() => call.run());
      expect(error).toMatchObject({ code: "KERNEL_CODE", kind: "KernelTrap", returned: code });
      expect(error.found).toContain(code >= 1 && code <= 6 ? `(${code})` : "INTERNAL_ERROR");
      expect(y[0]).toBe(run);
    }
    call[Symbol.dispose]();
    expect(kernel.counts()).toMatchObject({ created: 1, idle: 1, discarded: 0 });
  },
);
