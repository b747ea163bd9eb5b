import { afterAll, describe, expect, test } from "vitest";
import { tinyFile, tinyLlama } from "../../test/tiny-llama.fixture.ts";
import { MODEL_LIMITS } from "../base/mod.ts";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import { f16ArrayToF32, f32ArrayToBf16, openSafetensors } from "../tensor/mod.ts";
import { type Tensor, writeSafetensors } from "../tensor/mod.ts";
import { INDEX_FILE, openWeights, SINGLE_FILE, type Weights, widened } from "./weights.ts";

const model = await tinyLlama();
afterAll(() => model.close());

const source = openSafetensors(await tinyFile(SINGLE_FILE));
const names = [...source.entries.keys()];
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

type Rows = readonly (readonly [string, Tensor])[];

/** A directory in memory. */
function directory(files: Readonly<Record<string, Uint8Array>>) {
  return { read: async (name: string) => files[name] };
}

function weightsOf(rows: Rows): Promise<Weights> {
  return openWeights(directory({ [SINGLE_FILE]: writeSafetensors(rows) }));
}

/** Every tensor, changed by `change`. */
function changed(change: (tensor: Tensor) => Tensor): Rows {
  return names.map((name) => [name, change(source.get(name))]);
}

function wide({ shape, data }: Tensor): Tensor {
  return { dtype: "f32", shape, data: f16ArrayToF32(data as Float16Array) };
}

const PROMPT = [...Buffer.from("In the beginning")];
const IN_F16 = (await model.open()).feed(PROMPT);

/** The largest difference from the logits of the weights in f16. */
async function difference(weights: Weights, config = model.config): Promise<number> {
  using decoder = await model.open({ weights, config });
  const logits = decoder.feed(PROMPT);
  return logits.reduce((most, value, i) => Math.max(most, Math.abs(value - IN_F16[i]!)), 0);
}

test("a model in f32 gives the logits of the same numbers in f16", async () => {
  expect(await difference(await weightsOf(changed(wide)))).toBeLessThan(1e-4);
});

test("a model in bf16 gives the logits of its rounded numbers", async () => {
  const narrow = changed((tensor) => {
    return {
      ...wide(tensor),
      dtype: "bf16",
      data: f32ArrayToBf16(wide(tensor).data as Float32Array),
    };
  });
  const weights = await weightsOf(narrow);
  expect(weights.get(names[0]!, source.get(names[0]!).shape).format).toBe("bf16");
  const again = await Promise.all(
    narrow.map(async ([name, { shape }]): Promise<[string, Tensor]> => {
      return [name, { dtype: "f32", shape, data: await widened(weights.get(name, shape)) }];
    }),
  );
  using decoder = await model.open({ weights });
  using judge = await model.open({ weights: await weightsOf(again) });
  const [found, wanted] = [decoder.feed(PROMPT), judge.feed(PROMPT)];
  expect(Math.max(...found.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-4);
});

test("formats may differ from tensor to tensor", async () => {
  const mixed = names.map((name, i): [string, Tensor] => {
    return [name, i % 3 === 0 ? wide(source.get(name)) : source.get(name)];
  });
  expect(await difference(await weightsOf(mixed))).toBeLessThan(1e-4);
});

test("untied embeddings have an output matrix of their own", async () => {
  const embedding = source.get("model.embed_tokens.weight");
  const untied = { ...model.config, tied: false };
  const rows = [...changed((tensor) => tensor), ["lm_head.weight", embedding] as const];
  expect(await difference(await weightsOf(rows), untied)).toBe(0);
  const doubled = f16ArrayToF32(embedding.data as Float16Array).map((value) => value * 2);
  const head = { dtype: "f32", shape: embedding.shape, data: doubled } as const;
  const twice = await weightsOf([...changed((tensor) => tensor), ["lm_head.weight", head]]);
  using decoder = await model.open({ weights: twice, config: untied });
  const logits = decoder.feed(PROMPT);
  logits.forEach((value, i) => expect(value).toBeCloseTo(2 * IN_F16[i]!, 3));
  const failure = await failureIn(model.open({ config: untied }));
  expect(failure.code).toBe("MODEL_MISMATCH");
});

function shard(part: readonly string[]): Uint8Array {
  return writeSafetensors(part.map((name) => [name, source.get(name)]));
}

describe("shards", () => {
  const half = names.length / 2;
  const files = {
    "model-1.safetensors": shard(names.slice(0, half)),
    "model-2.safetensors": shard(names.slice(half)),
  };
  const places = names.map((name, i) => [name, `model-${i < half ? 1 : 2}.safetensors`]);
  const map = Object.fromEntries(places) as Record<string, string>;

  const opened = (weight_map: unknown, present: Record<string, Uint8Array> = files) =>
    openWeights(directory({ ...present, [INDEX_FILE]: text({ weight_map }) }));

  test("are one model", async () => {
    expect(await difference(await opened(map))).toBe(0);
  });

  test("must all be there", async () => {
    const { "model-1.safetensors": first } = files;
    const failure = await failureIn(opened(map, { "model-1.safetensors": first }));
    expect(failure.code).toBe("MODEL_MISMATCH");
  });

  test.each(["../model-1.safetensors", "/etc/passwd", "a/b.safetensors", "model.bin", 7, null])(
    "must lie beside their index: %j",
    async (place) => {
      const failure = await failureIn(opened({ ...map, [names[0]!]: place }));
      expect(failure.code).toBe("MODEL_FILE_INVALID");
    },
  );

  test("must hold what the index says", async () => {
    const weights = await opened({ ...map, [names[0]!]: "model-2.safetensors" });
    const { shape } = source.get(names[0]!);
    expect(failureOf(() => weights.get(names[0]!, shape)).code).toBe("MODEL_MISMATCH");
    expect(failureOf(() => weights.get("model.other", [1])).code).toBe("MODEL_MISMATCH");
  });
});

describe("a decoder refuses weights that", () => {
  test("have another shape than the config says", async () => {
    const failure = await failureIn(model.open({ config: { ...model.config, ffn: 504 } }));
    expect(failure.code).toBe("MODEL_MISMATCH");
    expect(failure.at).toContain("mlp.gate_proj");
  });

  test("are missing", async () => {
    const weights = await weightsOf(names.slice(1).map((name) => [name, source.get(name)]));
    expect((await failureIn(model.open({ weights }))).code).toBe("MODEL_MISMATCH");
  });

  test("are integers", async () => {
    const integers = changed(({ shape, data }) => {
      return { dtype: "i8", shape, data: new Int8Array(data.length) };
    });
    const failure = await failureIn(model.open({ weights: await weightsOf(integers) }));
    expect(failure.code).toBe("MODEL_UNSUPPORTED");
  });

  test.each([Infinity, NaN])("hold %d", async (bad) => {
    const spoilt = names.map((name, i): [string, Tensor] => {
      const tensor = source.get(name);
      const data = (tensor.data as Float16Array).slice();
      if (i === 1 || tensor.shape.length === 2) data[5] = bad;
      return [name, { ...tensor, data }];
    });
    const failure = await failureIn(model.open({ weights: await weightsOf(spoilt) }));
    expect(failure.code).toBe("MODEL_FILE_INVALID");
  });
});

/** A directory whose every file says that it has so many bytes, all of them zero. */
function claiming(bytes: number) {
  return {
    read: async () => undefined,
    open: async () => ({ bytes, read: async () => new Uint8Array(8) }),
  };
}

test("a file of weights may reach the limit, and not exceed it; no tensor is read to know", async () => {
  const most = MODEL_LIMITS.weightsFileBytesMax;
  const over = await failureIn(openWeights(claiming(most + 1)));
  expect(over.code).toBe("MODEL_TOO_LARGE");
  const reaches = await failureIn(openWeights(claiming(most)));
  expect(reaches.code).toBe("TENSOR_FILE_INVALID"); // It is looked into, and holds nothing.
});

test("a model beyond native memory is refused before any of its weights are read", async () => {
  const config = { ...model.config, layers: 200, vocabulary: 2 ** 20, hidden: 4096 };
  const reads: string[] = [];
  const weights = {
    get: (name: string, shape: readonly number[]) => {
      const read = async () => {
        reads.push(name);
        return new Float32Array(0);
      };
      return { name, format: "f32", shape, read } as const;
    },
  } as unknown as Weights;
  const failure = await failureIn(model.open({ config, weights }));
  expect(failure.code).toBe("MODEL_TOO_LARGE");
  expect(failure.found).toMatch(/^\d+ MiB of weights, cache and work space$/);
  expect(reads).toEqual([]);
});

test("a decoder tells how much of the weights it has read, and what memory it holds", async () => {
  const told: (readonly number[])[] = [];
  using decoder = await model.open({ onLoad: (...bytes) => told.push(bytes) });
  const total = told[0]![1]!;
  expect(told[0]).toEqual([0, total]);
  expect(told.at(-1)).toEqual([total, total]);
  expect(told.every(([done], i) => i === 0 || done! > told[i - 1]![0]!)).toBe(true);
  expect(decoder.memoryBytes).toBeGreaterThan(total);
});
