// Errors: what a caller gets to read of what a handler threw.

import { afterEach, describe, expect, test } from "vitest";
import { createRuntime } from "../../src/platform/node/mod.ts";
import { ada, Add, bob, Complain, Echo, News, Tell, Throw, Total, Wait } from "./actors.fixture.ts";
import { codeOf, within } from "./outcomes.ts";

const opened: ReturnType<typeof createRuntime>[] = [];
const launch = async (payloadBlocks = 4, payloadBytesMax = 65_536) => {
  const runtime = createRuntime({ threads: 1, payloadBlocks, payloadBytesMax });
  opened.push(runtime);
  return { runtime, kernel: await runtime.launch(ada) };
};
afterEach(async () => {
  for (const runtime of opened.splice(0)) await within(runtime.shutdown({ timeoutMs: 100 }));
});

/** The text of an error, as its caller reads it. */
const read = async (kernel: Awaited<ReturnType<typeof launch>>["kernel"], text: string) => {
  const failure = await kernel.call(Complain, { text }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "HANDLER_FAILED" });
  return ((failure as Error).cause as Error).stack!;
};
const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

describe("The text of an error", () => {
  test.each([1, 128, 129, 1000, 16_384])("of %i bytes is whole", async (bytes) => {
    const { kernel } = await launch();
    expect(await read(kernel, "x".repeat(bytes))).toBe("x".repeat(bytes));
  });

  test("is cut at 16 KiB, and says so", async () => {
    const { kernel } = await launch();
    expect(await read(kernel, "x".repeat(16_385))).toBe(`${"x".repeat(16_375)}... (cut)`);
    expect(await read(kernel, "x".repeat(60_000))).toBe(`${"x".repeat(16_375)}... (cut)`);
  });

  test("may be as long as a payload, where that is less", async () => {
    const { kernel } = await launch(4, 1024);
    const whole = await read(kernel, "y".repeat(1020)); // The request has a length as well.
    expect(whole).toBe("y".repeat(1020));
  });

  test("is cut at its cell where no block is free", async () => {
    const { runtime, kernel } = await launch(1);
    const has = codeOf(kernel.call(Wait, { ms: 10_000 }));
    kernel.send(Total, { data: new Float64Array(100) }); // Has the only block, behind the wait.
    const other = await runtime.launch(bob);
    expect(await read(other, "é".repeat(50))).toBe("é".repeat(50));
    const failure = await other.call(Throw, { why: 1 }).catch((error: unknown) => error);
    const { stack } = (failure as Error).cause as Error;
    expect(stack).toMatch(/^RangeError: told to: 1\n.*\.\.\. \(cut\)$/s);
    expect(bytesOf(stack!)).toBe(128);
    kernel.interrupt();
    expect(await has).toBe("HANDLER_INTERRUPTED");
  });

  test.each(["é", "漢", "😀"])("is never cut in the middle of %s", async (character) => {
    const { kernel } = await launch();
    for (const before of ["", "a", "ab", "abc"]) {
      const text = await read(kernel, before + character.repeat(9000));
      expect(text).not.toContain("\ufffd");
      expect(text.endsWith(`${character}... (cut)`)).toBe(true);
      expect(bytesOf(text)).toBeGreaterThan(16_384 - 4);
    }
  });

  test("loses no block, whether somebody waits for it or not", async () => {
    const { kernel } = await launch(2);
    for (let i = 0; i < 6; i++) {
      kernel.send(Complain, { text: "z".repeat(1000) });
      await read(kernel, "z".repeat(1000));
    }
    const large = { data: new Float64Array(100).fill(1) };
    expect(await kernel.call(Echo, large)).toEqual(large); // One for the request, one for the answer.
  });
});

test("A kernel that emits what it does not declare fails there, and says what", async () => {
  const { kernel } = await launch();
  const failure = await kernel.call(Tell, { declared: 0 }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "HANDLER_FAILED" });
  const { stack } = (failure as Error).cause as Error;
  for (const word of ["does not declare", "Rumour", "emits"]) expect(stack).toContain(word);
  expect(await codeOf(kernel.call(Tell, { declared: 3 }))).toBe("ok");
  kernel.send(Add, { a: 1, b: 2 });
  expect(await kernel.receiveTimeout(News, 5000)).toEqual({ number: 3 });
  expect(kernel.metrics).toMatchObject({ failed: 1, unknown: 0 });
});
