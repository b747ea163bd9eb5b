import { expect, test } from "vitest";
import { KeptInputs } from "./kept-inputs.ts";
import { ShapePlan } from "./shapes.ts";

const PAGE = 65_536;

function memoryOf(pages: number): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i % 251;
  return memory;
}

function inputsOf(...lengths: readonly number[]) {
  const inputs = lengths.map((length, i) => {
    return { name: `x${i}`, dtype: i % 2 === 0 ? "f32" : "u8", shape: [length] } as const;
  });
  const shapes = Object.fromEntries(lengths.map((length, i) => [`x${i}`, [length]]));
  return new ShapePlan({ inputs, outputs: [] }).bind(shapes).inputs;
}

test("KeptInputs takes every input as it lies, to the last byte of memory, and puts it back", () => {
  const memory = memoryOf(3);
  const inputsAt = [16, 16 + 400 + 1024, 2 * PAGE - 16];
  const kept = new KeptInputs(memory, inputsOf(100, 33, PAGE / 4 + 4), inputsAt);
  const before = new Uint8Array(memory.buffer).slice();
  kept.take();
  new Uint8Array(memory.buffer).fill(0);
  inputsAt.forEach((at, i) => {
    const view = kept.views[`x${i}`]!;
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    expect(Buffer.compare(bytes, before.subarray(at, at + bytes.length))).toBe(0);
  });
  kept.putBack();
  const after = new Uint8Array(memory.buffer);
  expect(Buffer.compare(after.slice(16), before.slice(16))).toBe(0);
  expect([...after.slice(0, 16)]).toEqual(Array(16).fill(0)); // Nothing before the first.
});

test("KeptInputs has nothing to take of empty tensors, or of none", () => {
  const memory = memoryOf(1);
  for (const kept of [
    new KeptInputs(memory, inputsOf(0), [PAGE]),
    new KeptInputs(memory, inputsOf(), []),
  ]) {
    kept.take();
    kept.putBack();
    expect(Object.values(kept.views).every(({ length }) => length === 0)).toBe(true);
  }
});
