// What every kernel of the core pack owes the ABI, whatever it computes.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KERNEL_CODES, KERNEL_INFO } from "../src/layout/mod.ts";
import { pack, WITH_GRADIENTS } from "./pack.ts";
import { TestedKernel } from "./testing.ts";

const PACKED = join(import.meta.dirname, "../packs/core");
const PAGE = 65536;
const ABI = "kernel_backward kernel_cleanup kernel_forward kernel_info kernel_init memory".split(
  " ",
);

const at = (field: keyof typeof KERNEL_INFO.fields) => KERNEL_INFO.fields[field].at;

for (const manifest of pack.kernels) {
  const kernel = await TestedKernel.compile(manifest);
  const hasGradients = WITH_GRADIENTS.has(manifest.id);

  describe(manifest.id, () => {
    test("exports the ABI and nothing else", () => {
      const names = WebAssembly.Module.exports(kernel.module).map(({ name }) => name);
      expect(names.toSorted()).toEqual([...ABI, manifest.entry_point].toSorted());
      expect(kernel.exports["kernel_forward"]).toBe(kernel.exports[manifest.entry_point]);
    });

    test("is small: no imports, one page, less than 32 KiB in the pack, in every variant", async () => {
      for (const { path } of [manifest, ...manifest.variants]) {
        const bytes = await readFile(join(PACKED, path));
        expect(WebAssembly.Module.imports(new WebAssembly.Module(bytes))).toEqual([]);
        expect(bytes.length).toBeLessThan(32_768);
      }
      expect(kernel.exports.memory.buffer.byteLength).toBe(PAGE);
    });

    test("says its name and version, and truthfully whether it has gradients", () => {
      const info = 4096;
      expect(kernel.exports["kernel_info"]!(info)).toBe(KERNEL_CODES.OK);
      const { buffer } = kernel.exports.memory;
      const view = new DataView(buffer, info);
      const name = [view.getUint32(at("name_ptr"), true), view.getUint32(at("name_len"), true)];
      expect(new TextDecoder().decode(new Uint8Array(buffer, ...name))).toBe(manifest.id);
      const parts = ["major", "minor", "patch"] as const;
      expect(parts.map((part) => view.getUint16(at(part), true)).join(".")).toBe(pack.version);
      expect(view.getUint8(at("supports_backward"))).toBe(hasGradients ? 1 : 0);
    });

    test("needs no order of calls, and refuses gradients that it lacks, or of nothing", () => {
      const { kernel_backward, ...exports } = kernel.exports;
      const call = (name: string) => (exports[name] as (...args: number[]) => number)(PAGE - 64, 0);
      for (const name of ["kernel_init", "kernel_cleanup", "kernel_init", "kernel_cleanup"])
        expect(call(name)).toBe(KERNEL_CODES.OK);
      const refusal = hasGradients ? KERNEL_CODES.INVALID_PARAMS : KERNEL_CODES.NOT_IMPLEMENTED;
      expect(kernel_backward!(PAGE - 64)).toBe(refusal);
    });
  });
}
