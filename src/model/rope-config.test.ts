// Rope configs against Hugging Face's own Llama: the same frequencies, factors and logits for every way
// of saying how positions turn. test/data/rope/write.py made the numbers.

import { readFile } from "node:fs/promises";
import { afterAll, describe, expect, test } from "vitest";
import { tinyFile, tinyLlama } from "../../test/tiny-llama.fixture.ts";
import { MODEL_LIMITS } from "../base/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { ropeFrequencies } from "../rope/mod.ts";
import { openSafetensors, type Tensor, writeSafetensors } from "../tensor/mod.ts";
import { type ModelConfig, parseConfig } from "./config.ts";
import { openWeights, SINGLE_FILE } from "./weights.ts";

type Changes = Readonly<Record<string, unknown>>;

interface Golden {
  readonly text: string;
  readonly cases: Readonly<Record<string, GoldenCase>>;
}

interface GoldenCase {
  readonly changes: Changes;
  readonly frequencies: readonly number[];
  readonly scale: number;
  /** After the last token of `text`. */
  readonly logits: readonly number[];
}

const file = new URL("../../test/data/rope/golden.json", import.meta.url);
const golden = JSON.parse(await readFile(file, "utf8")) as Golden;
const ids = [...Buffer.from(golden.text)];
const tiny = JSON.parse((await tinyFile("config.json")).toString()) as Changes;
const model = await tinyLlama();
afterAll(() => model.close());

function parse(changes: Changes): ModelConfig {
  return parseConfig(new TextEncoder().encode(JSON.stringify({ ...tiny, ...changes })));
}

describe.each(Object.entries(golden.cases))("%s", (_, { changes, frequencies, scale, logits }) => {
  const config = parse(changes);

  test("has Hugging Face's frequencies and attention factor", () => {
    const found = ropeFrequencies({ ...config.rope, length: ids.length });
    expect(found.scale).toBeCloseTo(scale, 6);
    frequencies.forEach((value, i) =>
      expect(Math.abs(found.frequencies[i]! / value - 1)).toBeLessThan(1e-5),
    );
  });

  test.each(["exact", "hf-f32"] as const)(
    "has Hugging Face's logits, angles %s",
    async (angles) => {
      using decoder = await model.open({ config, positions: ids.length, angles });
      const found = decoder.feed(ids);
      logits.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(2e-3));
    },
  );
});

const reach = (rope_scaling: Changes, changes: Changes = {}) =>
  parse({ ...changes, rope_scaling }).contextMax;

describe("the context", () => {
  test("grows by the factor where a rule stretches what the model was trained on", () => {
    expect(reach({ rope_type: "linear", factor: 4 })).toBe(1024);
    expect(reach({ rope_type: "dynamic", factor: 2 })).toBe(512);
    const yarn = { rope_type: "yarn", factor: 4 };
    expect(reach({ ...yarn, original_max_position_embeddings: 64 })).toBe(256);
    expect(reach({ ...yarn, original_max_position_embeddings: 256 })).toBe(1024);
  });

  test("stays where the config counts the stretched positions already", () => {
    const llama3 = golden.cases["llama3"]!.changes["rope_scaling"] as Changes;
    expect(reach(llama3)).toBe(256);
    expect(reach({ rope_type: "linear", factor: 0.5 })).toBe(256);
  });

  test("does not grow beyond the limit", () => {
    const most = MODEL_LIMITS.contextMax;
    const half = { max_position_embeddings: most / 2 };
    expect(reach({ rope_type: "linear", factor: 2 }, half)).toBe(most);
    expect(reach({ rope_type: "linear", factor: 3 }, half)).toBe(most);
  });
});

test("partial rotation turns the first values of a head, by the frequencies of as many", () => {
  expect(parse({}).rope.dims).toBe(32);
  expect(parse({ partial_rotary_factor: 0.5 }).rope.dims).toBe(16);
  const newer = { rope_parameters: { partial_rotary_factor: 0.25, rope_theta: 100 } };
  expect(parse(newer).rope).toEqual({ dims: 8, theta: 100, scaling: undefined });
});

/** The weights with the rows of queries and keys reordered in every head: row i becomes `order[i]`. */
async function reordered(order: readonly number[]) {
  const source = openSafetensors(await tinyFile(SINGLE_FILE));
  const rows = [...source.entries.keys()].map((name): [string, Tensor] => {
    const tensor = source.get(name);
    if (!/[qk]_proj/.test(name)) return [name, tensor];
    const from = tensor.data as Float16Array;
    const data = from.slice();
    const width = tensor.shape[1]!;
    for (let row = 0; row < tensor.shape[0]!; row++) {
      const at = row - (row % order.length) + order[row % order.length]!;
      data.set(from.subarray(at * width, (at + 1) * width), row * width);
    }
    return [name, { ...tensor, data }];
  });
  const file = writeSafetensors(rows);
  return openWeights({ read: async (name) => (name === SINGLE_FILE ? file : undefined) });
}

test("a model that turns half of each head is one whose other pairs stand still", async () => {
  const half = parse({ partial_rotary_factor: 0.5, rope_theta: 100 });
  const still = Array.from({ length: 16 }, (_, i) => (i < 8 ? 1 : 1e30));
  const longrope = { rope_type: "longrope", short_factor: still, long_factor: still };
  const whole = parse({ rope_theta: 10_000, rope_scaling: longrope });
  // Pairs are (i, i + 8) in the one and (i, i + 16) in the other.
  const [first, rest] = [range(0, 8), range(16, 24)];
  const weights = await reordered([...first, ...rest, ...range(8, 16), ...range(24, 32)]);
  using partial = await model.open({ config: half });
  using judge = await model.open({ config: whole, weights });
  using plain = await model.open();
  const [found, wanted, other] = [partial.feed(ids), judge.feed(ids), plain.feed(ids)];
  found.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-4));
  expect(found.some((value, i) => Math.abs(value - other[i]!) > 0.1)).toBe(true);
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe("parseConfig() refuses", () => {
  const pairs = Array.from({ length: 16 }, () => 1);
  const long = { rope_type: "longrope", short_factor: pairs, long_factor: pairs };
  const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  test.each<[string, Changes, string]>([
    ["a rule that is not known", { rope_type: "mrope", factor: 2 }, "MODEL_UNSUPPORTED"],
    ["an older rule that is not known", { type: "ntk" }, "MODEL_UNSUPPORTED"],
    ["a rule that is no text", { rope_type: 3 }, "MODEL_FILE_INVALID"],
    ["linear without a factor", { rope_type: "linear" }, "MODEL_FILE_INVALID"],
    ["dynamic by nothing", { rope_type: "dynamic", factor: 0 }, "MODEL_FILE_INVALID"],
    ["llama3 without a factor", { ...llama3, factor: null }, "MODEL_FILE_INVALID"],
    ["llama3 without its ends", { ...llama3, low_freq_factor: null }, "MODEL_FILE_INVALID"],
    ["yarn by a text", { rope_type: "yarn", factor: "4" }, "MODEL_FILE_INVALID"],
    ["yarn without attention", { rope_type: "yarn", attention_factor: 0 }, "MODEL_FILE_INVALID"],
    ["longrope without lists", { rope_type: "longrope" }, "MODEL_FILE_INVALID"],
    ["longrope with a short list", { ...long, long_factor: [1] }, "MODEL_FILE_INVALID"],
    ["longrope by texts", { ...long, short_factor: pairs.with(3, NaN) }, "MODEL_FILE_INVALID"],
    [
      "longrope by a divisor of 0",
      { ...long, long_factor: pairs.with(3, 0) },
      "MODEL_FILE_INVALID",
    ],
    [
      "a training of no positions",
      { ...long, original_max_position_embeddings: 0 },
      "MODEL_FILE_INVALID",
    ],
  ])("%s", (_, rope_scaling, code) => {
    expect(failureOf(() => parse({ rope_scaling })).code).toBe(code);
  });

  test.each([0, -1, 1.5, 0.001, 0.1])("a partial rotation of %f", (partial_rotary_factor) => {
    const failure = failureOf(() => parse({ partial_rotary_factor }));
    expect(failure.code).toMatch(/^MODEL_(FILE_INVALID|UNSUPPORTED)$/);
    expect(failure.at).toContain("partial_rotary_factor");
  });

  test.each<[string, Changes]>([
    ["theta", { rope_theta: 1e-300 }],
    ["the factor of positions", { rope_scaling: { rope_type: "linear", factor: 1e-300 } }],
    ["one divisor", { rope_scaling: { ...long, long_factor: pairs.with(3, 1e-35) } }],
    ["the attention factor", { rope_scaling: { ...long, attention_factor: 1e39 } }],
  ])("%s by which an f32 would be no number", (_, changes) => {
    expect(failureOf(() => parse(changes)).code).toBe("MODEL_FILE_INVALID");
  });

  test("numbers whose rule has no answer, saying which", () => {
    const yarn = { rope_type: "yarn", factor: 2 };
    const failure = failureOf(() => parse({ rope_theta: 1, rope_scaling: yarn }));
    expect(failure.code).toBe("MODEL_FILE_INVALID");
    expect(failure.at).toContain("frequency");
  });
});
