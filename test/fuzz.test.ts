// The fuzzer in short: `node tools/fuzz.ts` runs as long as it is told to.

import { expect, test } from "vitest";

import { linesOf } from "../tools/fuzz.ts";
import { fuzz } from "../tools/fuzz/run.ts";
import { TARGET_NAMES, targets, type Target } from "../tools/fuzz/targets.ts";

const SEED = 20_260_101;
const INPUTS = 2000;
const never = (): boolean => false;

test.each(TARGET_NAMES)(
  `answers ${INPUTS} mutated inputs with results and typed failures: %s`,
  async (name) => {
    const report = await fuzz(targets([name]), SEED, { inputs: INPUTS, isOver: never });
    expect(linesOf(report, SEED, 1).at(-1)).toBe("every outcome was a result or a typed failure");
    const [{ inputs, answers }] = report.tallies as [(typeof report.tallies)[number]];
    expect(inputs).toBe(INPUTS);
    expect(answers.get("ok")).toBeGreaterThan(0); // Some damage must leave something to read.
    expect(answers.size).toBeGreaterThan(1);
  },
);

const grumpy: Target = {
  name: "grumpy",
  corpus: [Uint8Array.of(1, 2, 3, 4)],
  mutate: (bytes, _, chance) => Uint8Array.from([...bytes, chance.below(256)]),
  use: (bytes) => {
    if (bytes[4] === 7) throw new TypeError("not a typed failure");
  },
};

test("fuzz() stops at the first outcome that is neither, and says which input it was", async () => {
  const limits = { inputs: 100_000, isOver: never };
  const { violation, tallies } = await fuzz([grumpy], SEED, limits);
  expect(violation).toMatchObject({
    target: "grumpy",
    error: new TypeError("not a typed failure"),
  });
  expect([...violation!.bytes]).toEqual([1, 2, 3, 4, 7]);
  expect(tallies[0]!.inputs).toBe(violation!.input + 1);
  const lines = linesOf({ violation, tallies }, SEED, 1000);
  expect(lines).toContain(`VIOLATION: grumpy, seed ${SEED}, input ${violation!.input}`);
  expect(lines.at(-1)).toBe("input 0102030407");
  const again = await fuzz([grumpy], SEED, limits);
  expect(again.violation!.input).toBe(violation!.input);
});

test("fuzz() ends when it is told that the run is over", async () => {
  let turns = 0;
  const report = await fuzz([{ ...grumpy, use: () => {} }], SEED, {
    inputs: Infinity,
    isOver: () => ++turns > 3,
  });
  expect(report.violation).toBeUndefined();
  expect(report.tallies[0]!.inputs).toBe(600);
});
