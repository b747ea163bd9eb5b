// Kernel source fixture: the source of a pack with one kernel, as an author writes it.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export const PACK_SOURCE = {
  name: "test-pack",
  version: "1.0.0",
  description: "A pack of one kernel",
  min_runtime_version: "0.1.0",
  max_runtime_version: "1.0.0",
  created_at: "2026-01-18T00:00:00Z",
  author: { name: "A", email: "a@example.com" },
  kernels: [
    {
      id: "twice",
      name: "Twice its input",
      category: "custom",
      path: "twice.wasm",
      entry_point: "run",
      inputs: [{ name: "x", dtype: "f32", shape: ["n"] }],
      outputs: [{ name: "y", dtype: "f32", shape: ["n"] }],
      resource_limits: { max_memory_pages: 1, max_epoch_ticks: 100, max_table_elements: 0 },
    },
  ],
};

/** Writes `source`, by default the one above, as pack.json of `folder`. */
export async function writeSource(folder: string, source: object = PACK_SOURCE): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "pack.json"), JSON.stringify(source));
}
