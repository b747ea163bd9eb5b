import { expect, test } from "vitest";
import { HOST, Pairs } from "./pairs.ts";

test("Pairs keeps what the host wants, and drops with a kernel what that alone wanted", () => {
  const pairs = new Pairs();
  pairs.add("a", "b", "a");
  pairs.add("a", "b", HOST);
  pairs.add("a", "c", "a");
  pairs.add("broker", "a", "a");
  pairs.add("broker", "b", "b");
  expect(pairs.targetsOf("a")).toEqual(["b", "c"]);
  expect(pairs.sendersTo("b")).toEqual(["a", "broker"]);
  expect(pairs.drop("a")).toEqual([
    ["a", "c"],
    ["broker", "a"],
  ]);
  expect(pairs.drop("a")).toEqual([]);
  expect([pairs.targetsOf("a"), pairs.targetsOf("broker")]).toEqual([["b"], ["b"]]);
  expect(pairs.drop("broker")).toEqual([]); // It wanted nothing itself.
  expect(pairs.drop("b")).toEqual([["broker", "b"]]);
  expect(pairs.size).toBe(1);
});

test("Pairs drops a kernel that sends to itself once", () => {
  const pairs = new Pairs();
  pairs.add("a", "a", "a");
  expect(pairs.drop("a")).toEqual([["a", "a"]]);
  expect([pairs.size, pairs.sendersTo("a")]).toEqual([0, []]);
});
