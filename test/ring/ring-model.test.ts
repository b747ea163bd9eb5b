// The ring's model, where spin is installed: every order of its steps, and mistakes that must be found.

import { describe, expect, test } from "vitest";

import { because, withoutSpin } from "../toolchains.fixture.ts";
import { exploreModel } from "./spin.fixture.ts";

const missing = withoutSpin();

describe.skipIf(missing !== undefined)(`ring.pml${because(missing)}`, () => {
  test("loses no slot, runs none twice and misses no wake-up: two publishers, two executors, two slots", () => {
    const explored = exploreModel("ITEMS=4");
    expect(explored).toMatchObject({ error: undefined, cut: false });
    expect(explored.states).toBeGreaterThan(1_000_000);
  }, 120_000);

  test("settles everything when an executor dies between any two steps", () => {
    const explored = exploreModel("DEATH", "ITEMS=2");
    expect(explored).toMatchObject({ error: undefined, cut: false });
    expect(explored.states).toBeGreaterThan(100_000);
  }, 60_000);

  test.each([
    ["BELL", "a bell that is read after the last look", "invalid end state"],
    ["SHOW", "a slot that is shown before it is filled", "invalid end state"],
    ["FENCE", "a fence that does not wait", "assertion violated"],
  ])("finds %s: %s", (planted, _what, error) => {
    expect(exploreModel(planted, "ITEMS=4").error).toContain(error);
  });

  test.each([
    ["HEAD", "a head that moves before the slot has an owner", "invalid end state"],
    ["MUTE", "a sweep that rings for nobody", "invalid end state"],
    ["SWEEP", "a sweep that settles what is settled", "assertion violated"],
    ["NAME", "a sweep that trusts the owner of the last lap", "assertion violated"],
  ])("finds %s when an executor dies: %s", (planted, _what, error) => {
    expect(exploreModel(planted, "DEATH", "ITEMS=2").error).toContain(error);
  });
});
