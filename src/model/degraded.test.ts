// Kernels that trap in the middle of a text: it stays the same text, and the decoder says what happened.

import { afterAll, describe, expect, test } from "vitest";
import { adapterFiles, reference, tinyLlama } from "../../test/tiny-llama.fixture.ts";
import { kernelModule } from "../sandbox/kernel.fixture.ts";
import { type Decoder, generate, likeliest, openAdapter } from "./mod.ts";

const expected = await reference();
const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());

/** Spoils where its tensors lie, then traps at every call of so many, and else returns INTERNAL_ERROR. */
const failing = (every: number) => `
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (i64.store (i32.load (local.get $at)) (i64.const -1))
  (i64.store (i32.load offset=8 (local.get $at)) (i64.const -1))
  (i64.store (i32.load offset=16 (local.get $at)) (i64.const -1))
  (if (i32.eqz (i32.rem_u (global.get $calls) (i32.const ${every}))) (then unreachable))
  (i32.const 6)`;
const fields = "(global $calls (mut i32) (i32.const 0))";
const traps = await kernelModule({ fields, forward: failing(1) });
const moody = await kernelModule({ fields, forward: failing(2) });

async function brokenModel(...kernels: readonly string[]) {
  const forged = Object.fromEntries(kernels.map((id, i) => [id, i % 2 === 0 ? traps : moody]));
  const model = await tinyLlama(forged);
  resources.defer(() => model.close());
  return model;
}

/** The text of `ids`, continued greedily. */
function continued(decoder: Decoder, all: readonly number[], prompt: string): readonly number[] {
  const ids = all.slice(0, Buffer.byteLength(prompt));
  const options = { tokensMax: all.length - ids.length, sample: likeliest };
  return [...ids, ...generate(decoder, ids, options)];
}

test.each(["rmsnorm_f32", "rope_f32", "swiglu_f32"])(
  "a text stays PyTorch's while %s traps at every call",
  async (kernel) => {
    const model = await brokenModel(kernel);
    const decoder = await model.open();
    const { prompt, greedy_ids: all } = expected.prompts[1]!;
    expect(continued(decoder, all, prompt)).toEqual(all);
    expect(decoder.degraded).toEqual([
      {
        kernel,
        by: { kind: "reference", id: `${kernel.replace("_f32", "")}_reference` },
        calls: expect.any(Number) as number,
      },
    ]);
  },
);

test("a text stays PyTorch's while every kernel of a model fails", async () => {
  const model = await brokenModel("rmsnorm_f32", "rope_f32", "swiglu_f32");
  const decoder = await model.open();
  const { prompt, greedy_ids: all } = expected.prompts[0]!;
  expect(continued(decoder, all, prompt)).toEqual(all);
  expect(decoder.degraded.map(({ kernel }) => kernel)).toEqual([
    "rmsnorm_f32",
    "rope_f32",
    "swiglu_f32",
  ]);
});

test("an adapted text stays PyTorch's while the adapter's kernel traps", async () => {
  const model = await brokenModel("lora_apply_f32");
  const adapter = await openAdapter(adapterFiles, model.config);
  const decoder = await model.open({ adapter });
  const { prompt, greedy_ids: all } = expected.adapter[1]!;
  expect(continued(decoder, all, prompt)).toEqual(all);
  const { layers } = model.config;
  expect(decoder.degraded).toMatchObject([{ kernel: "lora_apply_f32", calls: 96 * layers * 7 }]);
});

describe.each(["q8_0", "q4_0"] as const)("a cache of %s", (kv) => {
  test("holds the same while its kernels trap", async () => {
    const model = await brokenModel(`kv_pack_${kv.slice(0, 2)}`, `kv_unpack_${kv.slice(0, 2)}`);
    const decoder = await model.open({ kv });
    const sound = await tinyLlama();
    resources.defer(() => sound.close());
    const judge = await sound.open({ kv });
    const ids = [...Buffer.from("And the LORD said unto Moses, Go in unto Pharaoh")];
    expect(decoder.feed(ids)).toEqual(judge.feed(ids));
    expect(decoder.degraded).toHaveLength(2);
    expect(judge.degraded).toEqual([]);
  });
});
