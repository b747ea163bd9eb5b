import { expect, test } from "vitest";
import { Meter } from "../model/mod.ts";
import { generateReport } from "./generate-report.ts";
import { signedCorePack } from "../../test/tiny-llama.fixture.ts";

test("generateReport() tells of a text that was interrupted before anything was read", async () => {
  const { lines, json } = generateReport({
    pack: await signedCorePack(),
    ids: [1, 2],
    made: [],
    text: "",
    ended: "interrupt",
    promptMs: 0,
    textMs: 0,
    chance: undefined,
    memoryBytes: 0,
    cacheBytesPerPosition: 0,
    meter: new Meter(() => 0),
    native: [{ kind: "attention", name: "attention", unit: "flops", calls: 0, work: 0, ms: 0 }],
    degraded: [],
  });
  expect(lines.join("\n")).not.toMatch(/NaN|Infinity/);
  expect(lines.join("\n")).toContain("interrupted before the first chunk");
  expect(json).toMatchObject({ prompt_tokens_per_second: null, tokens_per_second: null });
});
