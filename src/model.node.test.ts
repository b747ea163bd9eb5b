import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { reference, TINY_LLAMA, tinyLlama } from "../test/tiny-llama.fixture.ts";
import { failureIn, failureOf } from "./pack/failure-of.fixture.ts";
import {
  generate,
  type GenerateOptions,
  openAdapterFolder,
  openModelFolder,
} from "./model.node.ts";
import { bf16ArrayToF32, openSafetensors, writeSafetensors } from "./tensor.ts";

const INDEX = "model.safetensors.index.json";
const folder = await mkdtemp(join(tmpdir(), "annulus-model-"));
const host = await tinyLlama();
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});
const model = await openModelFolder(TINY_LLAMA);
const { prompt, greedy_text: greedy } = (await reference()).prompts[1]!;

/** What generate() adds to the prompt, whole. */
async function added(options: GenerateOptions): Promise<string> {
  using decoder = await host.open();
  let text = "";
  for await (const piece of generate(decoder, model, prompt, options)) text += piece.text;
  return text;
}

test("openModelFolder() takes a path or a URL, and an adapter lies in a folder, too", async () => {
  const again = await openModelFolder(pathToFileURL(TINY_LLAMA));
  expect(again.config).toEqual(model.config);
  const adapter = await openAdapterFolder(join(TINY_LLAMA, "adapter"), model);
  expect(adapter.rank).toBe(8);
});

test("openModelFolder() says what is wrong with a folder", async () => {
  const nowhere = await failureIn(openModelFolder(join(folder, "nowhere")));
  expect([nowhere.code, nowhere.found]).toEqual(["INPUT_UNREADABLE", "no such folder"]);
  const file = await failureIn(openModelFolder(join(TINY_LLAMA, "config.json")));
  expect([file.code, file.found]).toEqual(["INPUT_UNREADABLE", "a file"]);
  const empty = await failureIn(openModelFolder(folder));
  expect([empty.code, empty.at]).toEqual(["MODEL_MISMATCH", "config.json"]);
  await writeFile(join(folder, "config.json"), Buffer.alloc(16 * 2 ** 20 + 1));
  expect((await failureIn(openModelFolder(folder))).code).toBe("MODEL_TOO_LARGE");
});

describe("generate()", () => {
  test("streams what PyTorch makes of the prompt, a piece for each token", async () => {
    const ids: (number | undefined)[] = [];
    let text = prompt;
    using decoder = await host.open();
    for await (const piece of generate(decoder, model, prompt, { tokensMax: 96 })) {
      ids.push(piece.id);
      text += piece.text;
    }
    expect(text).toBe(greedy);
    expect(ids).toEqual([...Buffer.from(greedy.slice(prompt.length))]);
  });

  test("draws the same again for the same seed, and else not", async () => {
    const drawn = { temperature: 1.5, tokensMax: 40 };
    const [first, again] = [await added({ ...drawn, seed: 1 }), await added({ ...drawn, seed: 1 })];
    expect(again).toBe(first);
    expect(await added(drawn)).not.toBe(await added(drawn));
  });

  test("goes on from what its decoder has read", async () => {
    using decoder = await host.open();
    const more = { tokensMax: 20 };
    const whole = await added({ tokensMax: 40 });
    let text = "";
    for await (const piece of generate(decoder, model, prompt, more)) text += piece.text;
    // The last token of a text is not read: it begins what follows.
    for await (const piece of generate(decoder, model, text.slice(-1), more)) text += piece.text;
    expect(text).toBe(whole);
  });

  test("ends with the signal's reason, and reads no more", async () => {
    const controller = new AbortController();
    using decoder = await host.open();
    const { signal } = controller;
    let count = 0;
    const ended = (async () => {
      for await (const _piece of generate(decoder, model, prompt, { signal }))
        if (++count === 3) controller.abort(new Error("enough"));
    })();
    await expect(ended).rejects.toThrow("enough");
    expect(count).toBe(3);
    expect(decoder.length).toBe(prompt.length + 2);
  });

  test("reads a long prompt in parts, and can be stopped between them", async () => {
    using decoder = await host.open();
    const controller = new AbortController();
    const seen: number[] = [];
    const onRead = (tokens: number): void => {
      seen.push(tokens);
      if (tokens === 64) controller.abort(new Error("enough"));
    };
    const { signal } = controller;
    const pieces = generate(decoder, model, "a".repeat(200), { signal, onRead });
    await expect(pieces.next()).rejects.toThrow("enough");
    expect(seen).toEqual([32, 64]);
    expect(decoder.length).toBe(64);
  });

  test("gives a turn to others between two pieces", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await added({ tokensMax: 200 });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  test("refuses a prompt that does not fit, before it reads any of it", async () => {
    using decoder = await host.open();
    const failure = await failureIn(generate(decoder, model, "a".repeat(257)).next());
    expect(failure.code).toBe("CONTEXT_FULL");
    expect(decoder.length).toBe(0);
  });

  test.each<[string, GenerateOptions]>([
    ["temperature", { temperature: -1 }],
    ["temperature", { temperature: NaN }],
    ["temperature", { temperature: Infinity }],
    ["topP", { topP: 0 }],
    ["topP", { topP: 1.01 }],
    ["tokensMax", { tokensMax: 0 }],
    ["tokensMax", { tokensMax: 1.5 }],
  ])("refuses a %s out of its range: %j", async (at, options) => {
    using decoder = await host.open();
    const failure = failureOf(() => generate(decoder, model, prompt, options));
    expect([failure.code, failure.at]).toEqual(["PARAM_INVALID", at]);
  });

  test("refuses an empty prompt where the model has no token to begin with", async () => {
    using decoder = await host.open();
    expect(failureOf(() => generate(decoder, model, "")).at).toBe("prompt");
  });
});

describe("a directory as Hugging Face writes larger models", async () => {
  const sharded = join(import.meta.dirname, "../test/data/sharded-llama");
  const golden = JSON.parse(await readFile(join(sharded, "golden.json"), "utf8")) as {
    readonly prompt: string;
    readonly ids: readonly number[];
    readonly logits: readonly number[];
    readonly greedy_ids: readonly number[];
    readonly greedy_text: string;
  };
  const other = await openModelFolder(sharded);
  const { config, tokenizer, weights } = other;
  const open = () => host.open({ config, weights });

  test("has shards of bf16, untied embeddings, grouped queries and llama3's positions", () => {
    expect(config).toMatchObject({ tied: false, heads: 4, kvHeads: 2, endIds: [1] });
    expect(config.rope.scaling?.rule).toBe("llama3");
    expect(weights.get("lm_head.weight", [320, 32]).format).toBe("bf16");
  });

  test("gives transformers' tokens, logits and text", async () => {
    expect(tokenizer.encode(golden.prompt)).toEqual(golden.ids);
    using decoder = await open();
    const logits = decoder.feed(golden.ids);
    golden.logits.forEach((value, i) => expect(Math.abs(logits[i]! - value)).toBeLessThan(2e-3));
    decoder.reset();
    const [ids, text] = [[] as (number | undefined)[], [] as string[]];
    for await (const piece of generate(decoder, other, golden.prompt, { tokensMax: 48 })) {
      ids.push(piece.id);
      text.push(piece.text);
    }
    expect(ids.filter((id) => id !== undefined)).toEqual(golden.greedy_ids);
    expect(text.join("")).toBe(golden.greedy_text);
  });

  test("is the same model in f32 and in one file", async () => {
    using judge = await open();
    const wanted = judge.feed(golden.ids);
    const all = JSON.parse(await readFile(join(sharded, INDEX), "utf8")) as {
      readonly weight_map: Readonly<Record<string, string>>;
    };
    const copy = await mkdtemp(join(folder, "single-"));
    for (const file of ["config.json", "tokenizer.json"])
      await cp(join(sharded, file), join(copy, file));
    const rows = Object.entries(all.weight_map).map(async ([name, shard]) => {
      const { shape, data } = openSafetensors(await readFile(join(sharded, shard))).get(name);
      const wide = bf16ArrayToF32(data as Uint16Array);
      return [name, { dtype: "f32", shape, data: wide }] as const;
    });
    await writeFile(join(copy, "model.safetensors"), writeSafetensors(await Promise.all(rows)));
    const single = await openModelFolder(copy);
    expect(single.weights.get("lm_head.weight", [320, 32]).format).toBe("f32");
    using decoder = await host.open({ config: single.config, weights: single.weights });
    const found = decoder.feed(golden.ids);
    found.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-4));
  });

  test("must have every shard", async () => {
    const copy = await mkdtemp(join(folder, "incomplete-"));
    await cp(sharded, copy, { recursive: true });
    await rm(join(copy, "model-00002-of-00003.safetensors"));
    const failure = await failureIn(openModelFolder(copy));
    expect([failure.code, failure.at]).toEqual([
      "MODEL_MISMATCH",
      "model-00002-of-00003.safetensors",
    ]);
  });
});
