import { expect, test } from "vitest";
import { message, u32 } from "../message/mod.ts";
import { mustBeGiven, mustBeMessage } from "./given.ts";

const Ask = message({ number: u32 }, { name: "Ask" });

test("mustBeMessage() takes messages, and says what else it was given", () => {
  expect(mustBeMessage(Ask, "a")).toBe(undefined);
  for (const [given, found] of [
    [undefined, "undefined"],
    [null, "null"],
    [{ number: 1 }, "object"],
    ["Ask", "string"],
  ] as const)
    expect(() => mustBeMessage(given, "a")).toThrow(
      expect.objectContaining({ code: "MESSAGE_INVALID", at: "kernel a", found }),
    );
});

test("mustBeGiven() refuses a message without a value", () => {
  expect(mustBeGiven(Ask, { number: 1 }, "a")).toBe(undefined);
  for (const value of [undefined, null])
    expect(() => mustBeGiven(Ask, value, "a")).toThrow(
      expect.objectContaining({ code: "MESSAGE_INVALID", found: `${value} as the value of Ask` }),
    );
});
