// Runaway: a kernel that never ends is stopped in the middle, and the next call is as good as any.

import {
  type Kernel,
  KernelError,
  loadPack,
  type Sandbox,
  trustKeys,
} from "../../src/index.node.ts";
import { buildPack, generateSigningKey, memoryFiles } from "../../src/pack.node.ts";
import { MANIFEST_PATH, type PackSource, SIGNATURE_PATH } from "../../src/pack.node.ts";
import { endlessModule } from "./endless-module.ts";

const BUDGET_MS = 100;

export interface Stop {
  readonly stopped: boolean;
  readonly lines: readonly string[];
}

/** Runs the endless kernel, then the same one told to end. */
export async function runaway(sandbox: Sandbox): Promise<Stop> {
  const kernel = await sandbox.load(await endlessPack(), "endless");
  const first = outcomeOf(kernel, true);
  const next = outcomeOf(kernel, false);
  const { error } = first;
  if (error === undefined) return { stopped: false, lines: ["ENDED     by itself"] };
  return {
    stopped: error.code === "KERNEL_DEADLINE" && next.error === undefined,
    lines: [
      `STOPPED   ${error.code} after ${first.ms.toFixed(0)} ms of ${BUDGET_MS}, in ${error.at}`,
      next.error === undefined
        ? `RAN       the next call of the same kernel, in ${(next.ms * 1000).toFixed(0)} µs`
        : `FAILED    the next call: ${next.error.code}`,
    ],
  };
}

interface Outcome {
  readonly error: KernelError | undefined;
  readonly ms: number;
}

function outcomeOf(kernel: Kernel, spin: boolean): Outcome {
  const start = performance.now();
  try {
    kernel.call({ inputs: {}, params: { spin }, budgetMs: BUDGET_MS });
    return { error: undefined, ms: performance.now() - start };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { error, ms: performance.now() - start };
  }
}

const SOURCE = {
  name: "runaway",
  version: "1.0.0",
  description: "One kernel that never ends",
  min_runtime_version: "0.1.0",
  max_runtime_version: "1.0.0",
  created_at: "2026-01-18T00:00:00Z",
  author: { name: "Demo", email: "demo@example.invalid" },
  kernels: [
    {
      ...{ id: "endless", name: "Never ends", category: "custom", path: "endless.wasm" },
      entry_point: "run",
      inputs: [],
      outputs: [],
      params: { spin: { type: "bool", default: true } },
      resource_limits: { max_memory_pages: 2, max_epoch_ticks: 1000, max_table_elements: 0 },
    },
  ],
} as const satisfies PackSource;

async function endlessPack() {
  const { key } = await generateSigningKey();
  const module = endlessModule();
  const files = await buildPack(SOURCE, {
    read: async () => module,
    compile: async () => module,
    features: () => [],
    signingKey: key.publicText,
  });
  const signature = await key.sign(files.get(MANIFEST_PATH)!);
  const signed = memoryFiles(new Map([...files, [SIGNATURE_PATH, signature]]));
  return loadPack(signed, { trust: await trustKeys(key.publicKey) });
}
