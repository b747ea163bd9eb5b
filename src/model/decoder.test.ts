// The decoder against PyTorch: the same logits, the same words, the same cross-entropy.

import { afterAll, describe, expect, test } from "vitest";
import {
  adapterFiles,
  reference,
  referenceLogits,
  tinyFile,
  tinyLlama,
} from "../../test/tiny-llama.fixture.ts";
import { type Decoder, generate, likeliest, openAdapter } from "./mod.ts";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";

const model = await tinyLlama();
afterAll(() => model.close());
const decoder = await model.open();
const expected = await reference();
const logits = await referenceLogits();

const VOCABULARY = 256;
const LOGITS_ABS_MAX = 2e-3;

function worst(found: Float32Array, wanted: Float32Array): number {
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
}

describe.each([0, 1, 2, 3])("prompt %i", (prompt) => {
  const ids = [...(logits.get(`prompt.${prompt}.ids`).data as Int32Array)];
  const wanted = logits.get(`prompt.${prompt}.logits`).data as Float32Array;

  test("feedAll() gives PyTorch's logits", () => {
    decoder.reset();
    expect(worst(decoder.feedAll(ids), wanted)).toBeLessThan(LOGITS_ABS_MAX);
  });

  test("feed() token by token gives PyTorch's logits", () => {
    decoder.reset();
    ids.forEach((id, i) => {
      const row = wanted.subarray(i * VOCABULARY, (i + 1) * VOCABULARY);
      expect(worst(decoder.feed([id]), row)).toBeLessThan(LOGITS_ABS_MAX);
    });
  });

  test("feed() continues greedily as PyTorch does, token by token", () => {
    const { greedy_ids: all } = expected.prompts[prompt]!;
    decoder.reset();
    const options = { tokensMax: all.length - ids.length, sample: likeliest };
    const found = [...ids, ...generate(decoder, ids, options)];
    expect(found).toEqual(all);
  });
});

describe("the cross-entropy on text held out", async () => {
  const ids = [...(await tinyFile("heldout.txt"))];
  const plain = expected.heldout_cross_entropy_nats_per_byte;

  test("is PyTorch's", () => {
    expect(crossEntropy(decoder, ids)).toBeCloseTo(plain, 4);
  });

  test.each([
    ["f16", 0.0005],
    ["q8_0", 0.005],
    ["q4_0", 0.05],
  ] as const)("changes little with a cache of %s", async (kv, share) => {
    using narrow = await model.open({ kv });
    const change = crossEntropy(narrow, ids) / plain - 1;
    expect(change).not.toBe(0);
    expect(Math.abs(change)).toBeLessThan(share);
  });
});

test("feed() in chunks of any size gives the same logits as at once", () => {
  const ids = [...(logits.get("prompt.0.ids").data as Int32Array)];
  decoder.reset();
  const once = decoder.feed(ids);
  for (const size of [1, 7, 31, 33, 64]) {
    decoder.reset();
    let last = once;
    for (let from = 0; from < ids.length; from += size)
      last = decoder.feed(ids.slice(from, from + size));
    expect(worst(last, once)).toBeLessThan(1e-4);
  }
});

test.each([
  ["f16", 2 / 4, 2e-2],
  ["q8_0", 34 / 128, 0.5],
  ["q4_0", 18 / 128, 5],
] as const)(
  "a cache of %s takes less room and changes logits by little",
  async (kv, room, most) => {
    using narrow = await model.open({ kv });
    const ids = [...(logits.get("prompt.0.ids").data as Int32Array)];
    const wanted = logits.get("prompt.0.logits").data as Float32Array;
    expect(narrow.cacheBytesPerPosition).toBe(decoder.cacheBytesPerPosition * room);
    const error = worst(narrow.feedAll(ids), wanted);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(most);
  },
);

describe.each([0, 1, 2, 3])("prompt %i with the adapter", async (prompt) => {
  const ids = [...(logits.get(`prompt.${prompt}.ids`).data as Int32Array)];
  const adapter = await openAdapter(adapterFiles, model.config);
  const adapted = await model.open({ adapter });

  test("feedAll() gives PyTorch's logits", () => {
    adapted.reset();
    const wanted = logits.get(`adapter.${prompt}.logits`).data as Float32Array;
    expect(worst(adapted.feedAll(ids), wanted)).toBeLessThan(LOGITS_ABS_MAX);
  });

  test("generate() continues greedily as PyTorch does, token by token", () => {
    const { greedy_ids: all } = expected.adapter[prompt]!;
    adapted.reset();
    const options = { tokensMax: all.length - ids.length, sample: likeliest };
    expect([...ids, ...generate(adapted, ids, options)]).toEqual(all);
  });
});

test("feed() refuses a token without an embedding, and reads nothing", () => {
  decoder.reset();
  for (const id of [256, -1, 1.5, NaN]) {
    expect(failureOf(() => decoder.feed([65, id])).code).toBe("MODEL_MISMATCH");
  }
  expect(decoder.length).toBe(0);
});

test("feed() reads as many tokens as there are positions, and not one more", async () => {
  using small = await model.open({ positions: 5 });
  small.feed([1, 2, 3]);
  expect(failureOf(() => small.feed([4, 5, 6])).code).toBe("CONTEXT_FULL");
  expect(small.length).toBe(3);
  small.feed([4, 5]);
  expect(failureOf(() => small.feed([6])).code).toBe("CONTEXT_FULL");
});

test.each([0, -1, 1.5, NaN, Infinity])(
  "a decoder refuses room for %d positions",
  async (positions) => {
    const failure = await failureIn(model.open({ positions }));
    expect([failure.code, failure.at]).toEqual(["PARAM_INVALID", "positions"]);
  },
);

test("a decoder makes room for no more positions than the model reaches", async () => {
  using small = await model.open({ positions: 1 });
  using large = await model.open({ positions: 257 });
  expect([small.positions, large.positions]).toEqual([1, 256]);
});

test("a decoder refuses a cache of a format that there is not", async () => {
  const failure = await failureIn(model.open({ kv: "q5" as "q4_0" }));
  expect([failure.code, failure.at]).toEqual(["PARAM_INVALID", "kv"]);
});

test("a decoder refuses an adapter that was opened for another model", async () => {
  const adapter = await openAdapter(adapterFiles, model.config);
  const cut = { ...adapter, layers: adapter.layers.slice(1) };
  expect((await failureIn(model.open({ adapter: cut }))).at).toBe("adapter");
  const low = adapter.layers[0]!.get("up")!;
  const [first, ...rest] = adapter.layers;
  const layers = [new Map([...first!, ["up", { ...low, outputs: 256 }] as const]), ...rest];
  const failure = await failureIn(model.open({ adapter: { ...adapter, layers } }));
  expect([failure.code, failure.at]).toEqual(["MODEL_MISMATCH", "adapter, up_proj"]);
});

/** In nats per byte, over whole windows of 256 bytes with stride 255, each from a cold cache. */
function crossEntropy(reader: Decoder, ids: readonly number[]): number {
  let [nats, count] = [0, 0];
  for (let from = 0; from + 256 <= ids.length; from += 255) {
    const window = ids.slice(from, from + 256);
    reader.reset();
    const all = reader.feedAll(window);
    for (let i = 0; i + 1 < window.length; i++, count++)
      nats += surprise(all.subarray(i * VOCABULARY, (i + 1) * VOCABULARY), window[i + 1]!);
  }
  return nats / count;
}

/** -log of the share that softmax gives to `id`. */
function surprise(values: Float32Array, id: number): number {
  const top = Math.max(...values);
  const sum = values.reduce((total, value) => total + Math.exp(value - top), 0);
  return Math.log(sum) + top - values[id]!;
}

test("a decoder gives back every instance that it took of its kernels", async () => {
  const ids = ["rmsnorm_f32", "rope_f32", "swiglu_f32"];
  const lent = () => ids.map((id) => model.sandbox.kernel(id).counts().lent);
  const before = lent();
  {
    using brief = await model.open();
    brief.feed([1, 2, 3]);
    brief.feed([4]);
    expect(lent()).toEqual(before.map((count) => count + 1)); // For single rows, which it keeps.
  }
  expect(lent()).toEqual(before);
});
