import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Executor } from "../executor/mod.ts";
import { OBSERVABLE_BASE as O, OPCODES } from "../layout/mod.ts";
import { createRingLog } from "../platform/node/mod.ts";
import {
  createRing,
  decodeLogHead,
  encodeLogHead,
  Opcodes,
  Ring,
  Slot,
  slotMessage,
} from "../ring/mod.ts";
import { annulus, annulusProcess } from "./command.fixture.ts";

let cwd = "";
const custom = new Opcodes().register({
  ...{ name: "nine", code: 9, arity: 1, bound: 1, idempotent: true, packable: true },
  body: ({ args: [at = 0], write }) => void write(at, 9),
});

/** A log of three slots; the last one is `last`. */
function record(name: string, { value = 7, last = slotMessage(OPCODES.NOP.code) } = {}): void {
  const ring = new Ring(createRing({ slots: 4 }));
  const log = createRingLog(join(cwd, name), ring, { owner: 1 });
  const executor = new Executor(ring, { owner: 1, opcodes: custom, recorder: log.recorder });
  ring.offer(slotMessage(OPCODES.STORE_U32.code, [value, O]));
  ring.offer(slotMessage(OPCODES.LOAD_U32.code, [O, 1]));
  ring.offer(last);
  executor.turn();
  log.close();
}

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "annulus-ring-"));
  record("a.log");
  record("b.log", { value: 8 });
  record("custom.log", { last: slotMessage(9, [O + 2]) });
  const ops = [{ opcode: 9, args: [O + 2] }];
  const packed = Slot.packed({ tenant: 0, ops, arityOf: custom.packableArity });
  record("packed.log", { last: packed.words() });
  const ring = new URL("../ring/mod.ts", import.meta.url).href;
  await writeFile(
    join(cwd, "opcodes.ts"),
    `import { Opcodes } from ${JSON.stringify(ring)};
     export const opcodes = new Opcodes().register({ name: "nine", code: 9, arity: 1, bound: 1,
       idempotent: true, packable: true, body: ({ args: [at = 0], write }) => void write(at, 9) });`,
  );
  await writeFile(join(cwd, "empty.ts"), "export {};");
});
afterAll(() => rm(cwd, { recursive: true }));

async function json(...argv: string[]) {
  const { exit, out } = await annulus(cwd, "ring", ...argv, "--json");
  const told = JSON.parse(out) as { error?: Readonly<Record<string, string>> };
  return { exit, ...told };
}

test.each(["worker", "oracle"])("annulus ring replay runs a log again on the %s", async (on) => {
  expect(await json("replay", "a.log", "--on", on)).toMatchObject({
    ...{ exit: 0, ok: true, slots: 3, on, differs: false, tornBytes: 0 },
  });
  const { out } = await annulus(cwd, "ring", "replay", "a.log", "--on", on);
  expect(out).toBe(`3 slots on the ${on}, each as recorded\n`);
});

test("annulus ring replay writes what ran to a new log, and diff finds nothing between them", async () => {
  const replayed = await json("replay", "a.log", "--on", "oracle", "--output", "again.log");
  expect(replayed).toMatchObject({ exit: 0, slots: 3 });
  expect(await json("diff", "a.log", "again.log")).toMatchObject({
    exit: 0,
    slots: 3,
    differs: false,
  });
  expect(await json("replay", "a.log", "--output", "again.log")).toMatchObject({
    ...{ exit: 1, error: { code: "RING_LOG_UNWRITABLE" } },
  });
});

test("annulus ring diff names the first slot and word, and exits with 5", async () => {
  const { exit, error } = await json("diff", "a.log", "b.log");
  expect([exit, error?.["code"]]).toEqual([5, "RINGS_DIFFER"]);
  expect(error).toMatchObject({
    at: "record 1, slot 0, ticket 1: published word 4 (args[0])",
    found: "8 (0x8)",
    expected: "7 (0x7)",
  });
});

test("annulus ring replay exits with 5 where a slot ends otherwise", async () => {
  const bytes = await readFile(join(cwd, "a.log"));
  const header = 64 + (160 + 64) * 4;
  const head = decodeLogHead(
    new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + header)),
  );
  head.control[142] = 0; // No tenant exists.
  const changed = Buffer.concat([Buffer.from(encodeLogHead(head).buffer), bytes.subarray(header)]);
  await writeFile(join(cwd, "changed.log"), changed);
  expect(await json("replay", "changed.log", "--on", "oracle")).toMatchObject({
    ...{ exit: 5 },
    error: { code: "RINGS_DIFFER", at: "record 1, slot 0, ticket 1: status" },
  });
});

test("annulus ring replay needs the module of a log's custom opcodes", async () => {
  const error = { code: "OPCODE_INVALID", found: "opcode 9, which is nobody's here" };
  for (const log of ["custom.log", "packed.log"]) {
    expect(await json("replay", log)).toMatchObject({
      ...{ exit: 2, error: { ...error, at: "record 3" } },
    });
    expect(await json("replay", log, "--opcodes", "opcodes.ts")).toMatchObject({
      ...{ exit: 0, slots: 3 },
    });
  }
  for (const wrong of ["empty.ts", "none.ts"])
    expect(await json("replay", "a.log", "--opcodes", wrong)).toMatchObject({
      ...{ exit: 2, error: { code: "OPCODE_INVALID", at: wrong } },
    });
});

test("annulus ring diff says what it cuts, and a process of its own exits as documented", async () => {
  await writeFile(join(cwd, "cut.log"), await readFile(join(cwd, "a.log")));
  await truncate(join(cwd, "cut.log"), 64 + 224 * 4 + 3 * 128 - 1);
  expect(await json("diff", "cut.log", "cut.log")).toMatchObject({
    ...{ exit: 0, slots: 2, tornBytes: 2 * 127 },
  });
  const { exit, out, err } = await annulusProcess(cwd, "ring", "diff", "a.log", "cut.log");
  expect({ exit, out }).toEqual({ exit: 5, out: "" });
  expect(err).toContain("record 3, slot 2, ticket 3: end of the log");
  expect((await annulusProcess(cwd, "ring", "diff", "a.log", "a.log")).out).toBe(
    "3 slots, no difference\n",
  );
});

test("annulus ring show lists slots, and says what it leaves out and what is torn", async () => {
  await writeFile(join(cwd, "torn.log"), await readFile(join(cwd, "a.log")));
  await truncate(join(cwd, "torn.log"), 64 + 224 * 4 + 2 * 128 + 100);
  const { out } = await annulus(cwd, "ring", "show", "torn.log", "--limit", "1");
  expect(out.split("\n")).toEqual([
    "number  slot  owner  tenant  opcode     outcome  stores",
    "1       0     1      0       STORE_U32  done     1",
    "and 1 more; see --limit",
    "100 bytes at the end are no whole record",
    "",
  ]);
  expect(await json("show", "a.log")).toMatchObject({ exit: 0, total: 3, tornBytes: 0 });
  expect((await annulus(cwd, "ring", "show", "a.log", "--limit", "0")).exit).toBe(2);
});

test("annulus ring refuses files that are no logs, and says which", async () => {
  await writeFile(
    join(cwd, "text.log"),
    "no log at all, and yet longer than a header would be: 64 bytes",
  );
  for (const wrong of ["text.log", "none.log", "."])
    for (const verb of [
      ["show", wrong],
      ["replay", wrong],
      ["diff", "a.log", wrong],
    ])
      expect(await json(...verb)).toMatchObject({ exit: 2, error: { code: "RING_LOG_INVALID" } });
  expect((await annulus(cwd, "ring", "replay", "a.log", "--on", "gpu")).exit).toBe(2);
});
