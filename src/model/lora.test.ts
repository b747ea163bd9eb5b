import { afterAll, describe, expect, test } from "vitest";
import { adapterFiles, tinyFile, tinyLlama } from "../../test/tiny-llama.fixture.ts";
import { MODEL_LIMITS } from "../base/mod.ts";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import { openSafetensors, type Tensor, writeSafetensors } from "../tensor/mod.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, openAdapter, parseAdapterConfig } from "./lora.ts";

const model = await tinyLlama();
afterAll(() => model.close());

const json = JSON.parse((await tinyFile(`adapter/${ADAPTER_CONFIG}`)).toString()) as object;
const source = openSafetensors(await tinyFile(`adapter/${ADAPTER_WEIGHTS}`));
const names = [...source.entries.keys()];

function config(changes: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...json, ...changes }));
}

/** The adapter with tensors changed, or left out where `change` gives undefined. */
function opened(change: (name: string, tensor: Tensor) => readonly [string, Tensor] | undefined) {
  const rows = names
    .map((name) => change(name, source.get(name)))
    .filter((row) => row !== undefined);
  const files: Record<string, Uint8Array> = {
    [ADAPTER_CONFIG]: config({}),
    [ADAPTER_WEIGHTS]: writeSafetensors(rows),
  };
  return openAdapter({ read: async (name) => files[name] }, model.config);
}

test("openAdapter() reads every low rank of every layer", async () => {
  const adapter = await openAdapter(adapterFiles, model.config);
  expect(adapter).toMatchObject({ rank: 8, scale: 2 });
  expect(adapter.layers.map((layer) => layer.size)).toEqual([7, 7, 7, 7, 7, 7]);
  const down = adapter.layers[5]!.get("down")!;
  expect(down).toMatchObject({ inputs: 512, outputs: 192, rank: 8, scale: 2 });
  expect([down.a.length, down.b.length]).toEqual([8 * 512, 192 * 8]);
});

test("parseAdapterConfig() takes alpha by the rank, and with rsLoRA by its root", () => {
  expect(parseAdapterConfig(config({ r: 4, lora_alpha: 16 })).scale).toBe(4);
  expect(parseAdapterConfig(config({ r: 4, lora_alpha: 16, use_rslora: true })).scale).toBe(8);
});

test("parseAdapterConfig() takes a rank up to the limit, and not one more", () => {
  const most = MODEL_LIMITS.loraRankMax;
  expect(parseAdapterConfig(config({ r: most })).rank).toBe(most);
  const failure = failureOf(() => parseAdapterConfig(config({ r: most + 1 })));
  expect(failure.code).toBe("MODEL_FILE_INVALID");
});

describe("parseAdapterConfig() refuses", () => {
  test.each<[string, object, string]>([
    ["another method", { peft_type: "IA3" }, "MODEL_UNSUPPORTED"],
    ["biases", { bias: "all" }, "MODEL_UNSUPPORTED"],
    ["DoRA", { use_dora: true }, "MODEL_UNSUPPORTED"],
    ["transposed weights", { fan_in_fan_out: true }, "MODEL_UNSUPPORTED"],
    ["ranks of their own", { rank_pattern: { q_proj: 4 } }, "MODEL_UNSUPPORTED"],
    ["alphas of their own", { alpha_pattern: { q_proj: 4 } }, "MODEL_UNSUPPORTED"],
    ["whole modules", { modules_to_save: ["lm_head"] }, "MODEL_UNSUPPORTED"],
    ["no rank", { r: 0 }, "MODEL_FILE_INVALID"],
    ["an alpha below zero", { lora_alpha: -1 }, "MODEL_FILE_INVALID"],
    ["no method", { peft_type: null }, "MODEL_FILE_INVALID"],
  ])("%s", (_, changes, code) => {
    expect(failureOf(() => parseAdapterConfig(config(changes))).code).toBe(code);
  });
});

/** The adapter with the tensors changed whose names hold `wanted`. */
function only(
  wanted: string,
  change: (name: string, tensor: Tensor) => [string, Tensor] | undefined,
) {
  return opened((name, tensor) => (name.includes(wanted) ? change(name, tensor) : [name, tensor]));
}

describe("openAdapter() refuses", () => {
  const place = "layers.0.mlp.up_proj.lora_A";

  test("a low rank without its other half", async () => {
    expect((await failureIn(only(place, () => undefined))).code).toBe("MODEL_MISMATCH");
  });

  test("a tensor of another place, of another layer, of another shape", async () => {
    const other = only(place, (name, tensor) => [name.replace("up_proj", "embed"), tensor]);
    expect((await failureIn(other)).code).toBe("MODEL_UNSUPPORTED");
    const beyond = only(place, (name, tensor) => [name.replace("layers.0", "layers.6"), tensor]);
    expect((await failureIn(beyond)).code).toBe("MODEL_MISMATCH");
    const turned = only(place, (name, tensor) => [
      name,
      { ...tensor, shape: tensor.shape.toReversed() },
    ]);
    expect((await failureIn(turned)).code).toBe("MODEL_MISMATCH");
  });

  test("a weight that is no number", async () => {
    const spoilt = only(place, (name, tensor) => {
      const data = (tensor.data as Float16Array).slice();
      data[0] = NaN;
      return [name, { ...tensor, data }];
    });
    expect((await failureIn(spoilt)).code).toBe("MODEL_FILE_INVALID");
  });

  test("a folder without an adapter", async () => {
    const empty = openAdapter({ read: async () => undefined }, model.config);
    expect((await failureIn(empty)).code).toBe("MODEL_MISMATCH");
  });
});

test("an adapter whose B is zero changes no logit", async () => {
  const zero = await opened((name, tensor) => {
    const data = name.includes("lora_B") ? new Float16Array(tensor.data.length) : tensor.data;
    return [name, { ...tensor, data }];
  });
  using plain = await model.open();
  using adapted = await model.open({ adapter: zero });
  const ids = [...Buffer.from("In the beginning")];
  expect(adapted.feed(ids)).toEqual(plain.feed(ids));
});
