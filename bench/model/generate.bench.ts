// How fast does a model speak whose kernels run in the sandbox, where does the time go, what would it be
// without checks, and how fast is eager PyTorch on the same cores?
//
// The model is test/data/tiny-llama. All continue the same text greedily with a KV cache, and must say
// what PyTorch said when the model was made.

import { availableParallelism } from "node:os";

import { generate, likeliest, Meter, type Share } from "../../src/model/mod.ts";
import { Sandbox } from "../../src/sandbox.node.ts";
import { reference, TINY_LLAMA, tinyLlama } from "../../test/tiny-llama.fixture.ts";
import type { Bench } from "../harness/bench.ts";
import { atLeast, type Entry, type Goal, measuredIn, type Row } from "../harness/row.ts";
import { type Continuation, entriesOf, inTurns, type Speaker } from "./speaker.ts";
import { findTorch, startTorch, type Torch } from "./torch.ts";

const OURS = "annulus, epoch checks on";
const UNCHECKED = "annulus, no checks";
const TORCH = "eager PyTorch";

const GOAL_TOKENS_S = 1035; // One and a half times 690, which eager PyTorch made of this model once.
const GOAL_OVER_TORCH = 1.5;
const ROUNDS = { full: 15, quick: 3 } as const;
const TOKENS = 96; // What the model's data continues each prompt by.

export const bench: Bench = {
  name: "generate",
  question: "how fast does a model speak whose kernels run in the sandbox?",
  async *rows({ quick }) {
    await using resources = new AsyncDisposableStack();
    const model = await tinyLlama();
    resources.defer(model.close);
    const trusting = resources.use(await Sandbox.create({ interrupt: "none" }));
    const { what, expected } = await firstPrompt();
    const torch = await findTorch();
    const speakers = [
      ours(OURS, await model.open()),
      ours(UNCHECKED, await model.open({ sandbox: trusting })),
      ...torchSpeakers(resources, torch),
    ];
    const times = await inTurns(speakers, what, expected, ROUNDS[quick ? "quick" : "full"]);
    const absent: Entry[] = torch.found
      ? []
      : [{ kind: "not-measured", name: TORCH, why: torch.why }];
    const text = [...entriesOf(times, "text"), ...absent];
    yield row(
      "generate a token",
      `one of ${TOKENS} after ${what.ids.length}`,
      text,
      decodeGoals(text),
    );
    const prompt = [...entriesOf(times, "prompt"), ...absent];
    yield row("generate, a token of the prompt", `one of ${what.ids.length}`, prompt, []);

    for (const [name, sandbox] of [
      [OURS, model.sandbox],
      [UNCHECKED, trusting],
    ] as const) {
      const meter = new Meter(() => performance.now());
      const metered = ours(name, await model.open({ sandbox, meter }));
      const rounds = ROUNDS[quick ? "quick" : "full"];
      await inTurns([metered], what, expected, rounds);
      yield shareRow(name, meter.shares(), (rounds + 1) * (what.ids.length + TOKENS - 1));
    }
  },
};

async function firstPrompt(): Promise<{ what: Continuation; expected: readonly number[] }> {
  const { greedy_ids: all } = (await reference()).prompts[0]!;
  const read = all.length - TOKENS;
  return { what: { ids: all.slice(0, read), tokens: TOKENS }, expected: all.slice(read) };
}

type Decoder = Awaited<ReturnType<Awaited<ReturnType<typeof tinyLlama>>["open"]>>;

/** The decoder belongs to the caller. */
function ours(name: string, decoder: Decoder): Speaker {
  return {
    name,
    speak: async ({ ids, tokens }) => {
      decoder.reset();
      const words = generate(decoder, ids, { tokensMax: tokens, sample: likeliest });
      const start = performance.now();
      const made = [words.next().value];
      const read = performance.now();
      for (const id of words) made.push(id);
      const end = performance.now();
      return { ids: made as number[], promptNs: (read - start) * 1e6, textNs: (end - read) * 1e6 };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** With one thread and with as many as there are cores: small models are often faster with one. */
function torchSpeakers(resources: AsyncDisposableStack, torch: Torch): Speaker[] {
  if (!torch.found) return [];
  const counts = [...new Set([1, availableParallelism()])];
  return counts.map((threads) => {
    const name = `${TORCH} ${torch.version}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
    return resources.use(startTorch(name, torch.python, TINY_LLAMA, threads));
  });
}

function decodeGoals(entries: readonly Entry[]): Goal[] {
  const ns = measuredIn(entries, OURS)!.medianNs;
  const ratios = entries.flatMap((entry) =>
    entry.name.startsWith(TORCH) && entry.kind === "measured" ? [1 / entry.firstOverThis!] : [],
  );
  const overTorch = ratios.length === 0 ? undefined : Math.min(...ratios); // The faster of the two.
  return [
    atLeast(`>= ${GOAL_TOKENS_S} tokens/s`, GOAL_TOKENS_S, 1e9 / ns),
    atLeast(`>= ${GOAL_OVER_TORCH}x eager PyTorch`, GOAL_OVER_TORCH, overTorch),
  ];
}

function row(id: string, what: string, entries: readonly Entry[], goals: readonly Goal[]): Row {
  return { id, what, entries, goals, table: "generate" };
}

/** Where a token's time goes, the prompt's tokens counted in. */
function shareRow(name: string, shares: readonly Share[], tokens: number): Row {
  const total = shares.reduce((sum, { ms }) => sum + ms, 0);
  const part = (title: string, ms: number): Entry => {
    return { kind: "part", name: title, meanNs: (ms * 1e6) / tokens, share: ms / total };
  };
  const inSandbox = shares.filter(({ worker }) => worker === "sandbox");
  return {
    id: `generate, ${name}`,
    what: "where a token's time goes, prompt and text, with the clock read after each step",
    table: "where a token's time goes",
    entries: [
      part(
        "all in sandboxed kernels",
        inSandbox.reduce((sum, { ms }) => sum + ms, 0),
      ),
      ...shares.map(({ name: title, worker, ms }) => part(`${title} (${worker})`, ms)),
    ],
    goals: [],
  };
}
