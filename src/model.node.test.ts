import { mkdtemp, rm, writeFile } from "node:fs/promises";
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
