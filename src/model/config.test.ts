import { describe, expect, test } from "vitest";
import { tinyFile } from "../../test/tiny-llama.fixture.ts";
import { MODEL_LIMITS } from "../base/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { parseConfig } from "./config.ts";

const tiny = JSON.parse((await tinyFile("config.json")).toString()) as Record<string, unknown>;

function parse(changes: Readonly<Record<string, unknown>>) {
  return parseConfig(new TextEncoder().encode(JSON.stringify({ ...tiny, ...changes })));
}

test("parseConfig() reads tiny-llama's", () => {
  expect(parse({})).toEqual({
    hidden: 192,
    layers: 6,
    heads: 6,
    kvHeads: 2,
    headDim: 32,
    ffn: 512,
    vocabulary: 256,
    contextMax: 256,
    normEps: 1e-5,
    rope: { dims: 32, theta: 10_000, scaling: undefined },
    tied: true,
    endIds: [],
  });
});

test("parseConfig() fills in what older files leave out", () => {
  const older = { head_dim: null, num_key_value_heads: null, tie_word_embeddings: null };
  expect(parse({ ...older, rope_theta: null, rms_norm_eps: null })).toMatchObject({
    headDim: 32,
    kvHeads: 6,
    tied: false,
    rope: { theta: 10_000 },
    normEps: 1e-6,
  });
});

test("parseConfig() reads one end token, several, and rope_parameters as newer files have them", () => {
  expect(parse({ eos_token_id: 2 }).endIds).toEqual([2]);
  expect(parse({ eos_token_id: [2, 3] }).endIds).toEqual([2, 3]);
  const newer = { rope_theta: null, rope_parameters: { rope_type: "default", rope_theta: 5e5 } };
  expect(parse(newer).rope.theta).toBe(500_000);
});

describe("parseConfig() refuses", () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["another architecture", { architectures: ["MistralForCausalLM"] }, "MODEL_UNSUPPORTED"],
    ["no architecture", { architectures: null }, "MODEL_UNSUPPORTED"],
    ["two architectures", { architectures: ["LlamaForCausalLM", "Other"] }, "MODEL_UNSUPPORTED"],
    ["another activation", { hidden_act: "gelu" }, "MODEL_UNSUPPORTED"],
    ["biases in attention", { attention_bias: true }, "MODEL_UNSUPPORTED"],
    ["biases in the feed-forward layer", { mlp_bias: true }, "MODEL_UNSUPPORTED"],
    ["quantised weights", { quantization_config: { bits: 4 } }, "MODEL_UNSUPPORTED"],
    ["heads that are no multiple of eight", { head_dim: 12 }, "MODEL_UNSUPPORTED"],
    [
      "heads that do not divide the width",
      { head_dim: null, hidden_size: 200 },
      "MODEL_UNSUPPORTED",
    ],
    ["groups that do not divide the heads", { num_key_value_heads: 4 }, "MODEL_MISMATCH"],
    ["a size that is a text", { hidden_size: "192" }, "MODEL_FILE_INVALID"],
    ["a size that is no whole number", { hidden_size: 1.5 }, "MODEL_FILE_INVALID"],
    ["a size of nothing", { intermediate_size: 0 }, "MODEL_FILE_INVALID"],
    ["no layers", { num_hidden_layers: null }, "MODEL_FILE_INVALID"],
    ["an eps of zero", { rms_norm_eps: 0 }, "MODEL_FILE_INVALID"],
    ["a theta that is negative", { rope_theta: -1 }, "MODEL_FILE_INVALID"],
    ["an end that is a text", { eos_token_id: "2" }, "MODEL_FILE_INVALID"],
    ["tied that is a number", { tie_word_embeddings: 1 }, "MODEL_FILE_INVALID"],
  ])("%s", (_, changes, code) => {
    expect(failureOf(() => parse(changes)).code).toBe(code);
  });

  test("a model beyond each limit, and takes one that reaches it", () => {
    const bounds = {
      num_hidden_layers: MODEL_LIMITS.layersMax,
      hidden_size: MODEL_LIMITS.widthMax,
      intermediate_size: MODEL_LIMITS.widthMax,
      head_dim: MODEL_LIMITS.headDimMax,
      vocab_size: MODEL_LIMITS.vocabularyMax,
      max_position_embeddings: MODEL_LIMITS.contextMax,
    };
    for (const [name, most] of Object.entries(bounds)) {
      expect(() => parse({ [name]: most })).not.toThrow();
      expect(failureOf(() => parse({ [name]: most + 1 })).code).toBe("MODEL_FILE_INVALID");
    }
    const heads = MODEL_LIMITS.headsMax;
    expect(parse({ num_attention_heads: heads }).heads).toBe(heads);
    const over = { num_attention_heads: heads + 2 };
    expect(failureOf(() => parse(over)).code).toBe("MODEL_FILE_INVALID");
  });
});
