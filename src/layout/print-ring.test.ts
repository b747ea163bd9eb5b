import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, test } from "vitest";

import { fieldsOf } from "./layout.ts";
import { printRingAs } from "./print-ring-as.ts";
import { printRingC } from "./print-ring-c.ts";
import { printRingTable } from "./print-ring-md.ts";
import { printRingWgsl } from "./print-ring-wgsl.ts";
import { DEBUG_RECORD, IO_ENTRY, SLOT, TASK_SLOT } from "./ring.layout.ts";
import { ringConstants } from "./ring-constants.ts";

const folder = mkdtempSync(join(tmpdir(), "annulus-ring-"));
afterAll(() => rmSync(folder, { recursive: true }));

const compilers = ["gcc", "clang"].filter((tool) => spawnSync(tool, ["--version"]).status === 0);
if (compilers.length === 0) process.stderr.write("SKIPPED: no C compiler; ring.h is untested\n");

test.skipIf(compilers.length === 0)(
  "C: compilers accept every assertion, and a program agrees",
  () => {
    writeFileSync(join(folder, "ring.h"), printRingC("test"));
    const source = join(folder, "main.c");
    writeFileSync(
      source,
      `#include "ring.h"
#include <stdio.h>
int main(void) {
  struct annulus_slot slot = {ANNULUS_STATUS_PUBLISHED, ANNULUS_OP_PACKED_SLOT, 1, 2, {0}};
  slot.args[ANNULUS_FAULT_CODE_ARG] = ANNULUS_FAULT_WORKER_LOST;
  return fwrite(&slot, sizeof slot, 1, stdout) == 1 ? 0 : 1;
}
`,
    );
    const strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"];
    for (const compiler of compilers) {
      const program = join(folder, compiler);
      execFileSync(compiler, [...strict, source, "-o", program]);
      const bytes = new Uint8Array(execFileSync(program));
      expect([...new Uint32Array(bytes.buffer, bytes.byteOffset, 16)], compiler).toEqual([
        ...[1, 0x8000_0001, 1, 2, ...Array<number>(11).fill(0), 7],
      ]);
    }
  },
);

/** Structures as WGSL lays them out: u32 and atomic<u32> take 4 bytes, arrays of them 4 each. */
function wgslOffsets(text: string, name: string): (readonly [string, number])[] {
  const body = new RegExp(`struct ${name} \\{([^}]*)\\}`).exec(text)![1]!;
  let at = 0;
  return [...body.matchAll(/^ +(\w+): (?:array<)?(?:atomic<u32>|u32)(?:, (\d+)>)?,/gm)].map(
    (row) => {
      const start = at;
      at += 4 * Number(row[2] ?? 1);
      return [row[1]!, start] as const;
    },
  );
}

test("WGSL: every structure lies as its table says, and every constant is there", () => {
  const text = printRingWgsl("test");
  const tables = { Slot: SLOT, DebugRecord: DEBUG_RECORD, IoEntry: IO_ENTRY, TaskSlot: TASK_SLOT };
  for (const [name, table] of Object.entries(tables))
    expect(wgslOffsets(text, name), name).toEqual(
      fieldsOf(table).map(([field, { at }]) => [field, at]),
    );
  for (const { name, value } of ringConstants().flatMap(([, group]) => group))
    expect(text).toContain(`const ${name}: u32 = ${value}u;`);
  expect(text).toContain("status: atomic<u32>,");
});

test("ringConstants() names no two alike, and each fits 32 bits", () => {
  const all = ringConstants().flatMap(([, group]) => group);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(all.every(({ value }) => value >>> 0 === value)).toBe(true);
});

test("AssemblyScript: a compiled module publishes and reads a slot in shared memory", async () => {
  const { main } = await import("assemblyscript/asc");
  const files: Record<string, string> = {
    "ring.as.ts": printRingAs("test"),
    "entry.ts": `import * as ring from "./ring.as";
export function publish(slot: usize): void {
  ring.setSlotOpcode(slot, ring.OP_SHUTDOWN);
  ring.setSlotArgs(slot, 11, ring.FAULT_QUOTA);
  ring.setSlotStatus(slot, ring.STATUS_PUBLISHED);
}
export function check(slot: usize): u32 { return ring.slotStatus(slot) * 100 + ring.slotArgs(slot, 11); }
export function epoch(control: usize): u32 { return ring.controlEpoch(control); }
export function mask(control: usize): u32 { return ring.controlTenantMasks(control, 28); }
`,
  };
  let wasm = new Uint8Array();
  const shared = [
    "--enable",
    "threads",
    "--importMemory",
    "--sharedMemory",
    "--maximumMemory",
    "1",
  ];
  const { error, stderr } = await main(
    ["entry.ts", "--outFile", "out.wasm", "--runtime", "stub", "--initialMemory", "1", ...shared],
    {
      readFile: (name) => files[name.replace(/^\.\//, "")] ?? null,
      writeFile: (_name, content) => {
        wasm = new Uint8Array(content as Uint8Array);
      },
      listFiles: () => [],
    },
  );
  expect(error, stderr.toString()).toBeNull();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { instance } = await WebAssembly.instantiate(wasm, { env: { memory } });
  const module = instance.exports as Record<string, (at: number) => number>;
  const words = new Uint32Array(memory.buffer);
  module["publish"]!(1024);
  expect([...words.subarray(256, 272)]).toEqual([1, 0xffff_ffff, ...Array<number>(13).fill(0), 9]);
  expect(module["check"]!(1024)).toBe(109);
  words[1024 + 128] = 77;
  words[1024 + 31] = 5;
  expect([module["epoch"]!(4096), module["mask"]!(4096)]).toEqual([77, 5]);
});

test("printRingTable() prints what ring.md asks for, and refuses a table that there is none of", () => {
  expect(printRingTable("slot")).toContain("| 16 | 48 | u32 | `args` |");
  expect(printRingTable("control words")).toContain("| 129–134 | `lane_starts` |");
  expect(printRingTable("opcodes")).toContain("| 0xFFFE | `PRINTF` | format, a, b |");
  expect(() => printRingTable("tables")).toThrow("the ring has a table tables");
});
