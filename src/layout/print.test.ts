import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { DESCRIPTOR, KERNEL_INFO } from "./descriptor.layout.ts";
import { fieldsOf } from "./layout.ts";
import { camel } from "./names.ts";
import { paramsLayout } from "./params.ts";
import { paramsAccessorsAs, printAbiAs } from "./print-as.ts";
import { paramsAccessorsC, printAbiC } from "./print-c.ts";
import { paramsTable, printAbiMarkdown } from "./print-md.ts";
import { paramsAccessorsRust, printAbiRust } from "./print-rust.ts";
import { writeParams } from "./write-params.ts";

const folder = mkdtempSync(join(tmpdir(), "annulus-layout-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LAYOUT = paramsLayout({
  params: {
    causal: { type: "bool", default: true },
    scale: { type: "f64", default: 0.5 },
    eps: { type: "f32", default: 1e-5, description: "added to the mean square" },
    headDim: { type: "i64", default: -3 },
    switch: { type: "u32", default: 7, values: { half_split: 0, on: 7 } }, // A word of C and AS.
  },
  inputs: [{ name: "x", shape: ["rows", "head_dim"] }],
  outputs: [{ name: "y", shape: ["rows", "head_dim"] }],
});
const BLOCK = new DataView(new ArrayBuffer(LAYOUT.bytes));
writeParams(BLOCK, 0, LAYOUT, {}, { rows: 3, head_dim: 64 });
const VALUES = "1 0.5 1e-05 -3 7 3 64";

function has(tool: string): boolean {
  const found = spawnSync(tool, ["--version"]).status === 0;
  if (!found) process.stderr.write(`SKIPPED: no ${tool} on the path; its layouts are untested\n`);
  return found;
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

test.skipIf(!has("gcc"))("C: gcc accepts every assertion, and a program reads the block", () => {
  write("abi.h", printAbiC("test"));
  const fields = fieldsOf(DESCRIPTOR).map(
    ([name]) => `printf("%zu ", offsetof(struct annulus_descriptor, ${name}));`,
  );
  const source = write(
    "main.c",
    `#include "abi.h"
#include <stdio.h>
${paramsAccessorsC("rope_f32", LAYOUT)}
${paramsAccessorsC("empty", paramsLayout({ params: {}, inputs: [], outputs: [] }))}
static struct annulus_rope_f32_params p;
int main(void) {
  ${fields.join("\n  ")}
  printf("%zu %d\\n", sizeof(struct annulus_kernel_info), ANNULUS_EMPTY_PARAMS_BYTES);
  if (fread(&p, 1, sizeof p, stdin) != ANNULUS_ROPE_F32_PARAMS_BYTES) return 1;
  _Static_assert(ANNULUS_ROPE_F32_SWITCH_HALF_SPLIT + 7u == ANNULUS_ROPE_F32_SWITCH_ON, "named");
  printf("%u %g %g %lld %u %u %u\\n", p.causal, p.scale, p.eps, (long long)p.head_dim, p.switch_,
         p.dim_rows, p.dim_head_dim);
  return ANNULUS_OK;
}
`,
  );
  const program = join(folder, "main");
  execFileSync("gcc", [
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    source,
    "-o",
    program,
  ]);
  const printed = execFileSync(program, { input: new Uint8Array(BLOCK.buffer), encoding: "utf8" });
  expect(printed).toBe(`0 4 8 12 16 20 24 28 32 36 16 0\n${VALUES}\n`);
});

test.skipIf(!has("rustc"))(
  "Rust: rustc accepts every assertion, and a program reads the block",
  () => {
    write("abi.rs", printAbiRust("test"));
    const source = write(
      "main.rs",
      `#![allow(dead_code)]
mod abi;
use std::io::Read;
${paramsAccessorsRust("rope_f32", LAYOUT)}
fn main() {
    let mut bytes = [0u8; ROPE_F32_PARAMS_BYTES];
    std::io::stdin().read_exact(&mut bytes).unwrap();
    let p: RopeF32Params = unsafe { std::mem::transmute(bytes) };
    println!("{} {} {:e} {} {} {} {}", p.causal, p.scale, p.eps, p.head_dim, p.switch, p.dim_rows, p.dim_head_dim);
    std::process::exit(abi::OK + (ROPE_F32_SWITCH_ON - p.switch) as i32);
}
`,
    );
    const program = join(folder, "main-rs");
    execFileSync("rustc", ["--edition", "2021", "-D", "warnings", source, "-o", program], {
      stdio: "pipe",
    });
    const printed = execFileSync(program, {
      input: new Uint8Array(BLOCK.buffer),
      encoding: "utf8",
    });
    expect(printed.replace("1e-5", "1e-05")).toBe(`${VALUES}\n`);
  },
);

test("AssemblyScript: a compiled module reads descriptor and block, and fills the info", async () => {
  const { main } = await import("assemblyscript/asc");
  const readers = fieldsOf(DESCRIPTOR).map(([name]) => camel(name));
  const files: Record<string, string> = {
    "abi.as.ts": printAbiAs("test"),
    "params.as.ts": paramsAccessorsAs("rope_f32", LAYOUT),
    "entry.ts": `import * as abi from "./abi.as";
import { causal, scale, eps, headDim, switch_, dimRows, dimHeadDim, PARAMS_BYTES, SWITCH_ON } from "./params.as";
export function sum(desc: usize): u32 { return ${readers.map((name, i) => `abi.${name}(desc) * ${i + 1}`).join(" + ")}; }
export function params(p: usize): f64 {
  return (causal(p) ? 1 : 0) + scale(p) + <f64>eps(p) + <f64>headDim(p) + switch_(p) + dimRows(p) + dimHeadDim(p);
}
export function info(at: usize): i32 { abi.writeKernelInfo(at, 1, 2, 3, 4, 5, 1); return abi.INTERNAL_ERROR; }
export function bytes(): i32 { return PARAMS_BYTES + <i32>(SWITCH_ON - 7); }
`,
  };
  let wasm = new Uint8Array();
  const { error, stderr } = await main(
    ["entry.ts", "--outFile", "out.wasm", "--runtime", "stub", "--initialMemory", "1", "-O2"],
    {
      readFile: (name) => files[name.replace(/^\.\//, "")] ?? null,
      writeFile: (_name, content) => {
        wasm = new Uint8Array(content as Uint8Array);
      },
      listFiles: () => [],
    },
  );
  expect(error, stderr.toString()).toBeNull();
  const { instance } = await WebAssembly.instantiate(wasm);
  const kernel = instance.exports as Record<string, (at?: number) => number> & {
    memory: WebAssembly.Memory;
  };
  const memory = new Uint8Array(kernel.memory.buffer);
  new Uint32Array(memory.buffer, 1024, 10).set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(kernel["sum"]!(1024)).toBe(385); // 1·1 + 2·2 + … + 10·10
  memory.set(new Uint8Array(BLOCK.buffer), 2048);
  expect(kernel["params"]!(2048)).toBeCloseTo(1 + 0.5 + 1e-5 - 3 + 7 + 3 + 64, 9);
  expect(kernel["bytes"]!()).toBe(LAYOUT.bytes);
  memory.fill(0xff, 4096, 4096 + 17);
  expect(kernel["info"]!(4096)).toBe(6);
  expect([...memory.subarray(4096, 4096 + KERNEL_INFO.bytes + 1)]).toEqual([
    1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4, 0, 5, 0, 1, 0, 0xff,
  ]);
});

test("accessors refuse two names that would print alike", () => {
  const clash = paramsLayout({
    params: { head_dim: { type: "u32" }, headDim: { type: "u32" } },
    inputs: [],
    outputs: [],
  });
  for (const print of [paramsAccessorsAs, paramsAccessorsC, paramsAccessorsRust])
    expect(() => print("k", clash)).toThrow("spelt unlike every other name");
});

test("accessors keep a description from leaving its comment", () => {
  const layout = paramsLayout({
    params: { eps: { type: "f32", description: "*/ evil(); /*\n| x" } },
    inputs: [],
    outputs: [],
  });
  expect(paramsAccessorsAs("k", layout).split("*/")).toHaveLength(3); // Two comments, each closed once.
  expect(paramsAccessorsC("k", layout)).not.toContain("*/ evil");
  expect(paramsAccessorsRust("k", layout)).toContain("/// */ evil(); /* | x\n");
  expect(paramsTable(layout)).toContain("| */ evil(); /* \\| x |");
});

test("printAbiMarkdown() is the committed reference", () => {
  const committed = readFileSync(new URL("../../docs/reference/abi.md", import.meta.url), "utf8");
  const header = /<!-- (.*) -->/.exec(committed)![1]!;
  expect(printAbiMarkdown(header)).toBe(committed);
  expect(committed).toContain("| 36 | 4 | u32 | `params_size` |");
});
