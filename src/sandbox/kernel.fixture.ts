// Kernel fixture: kernels written as WebAssembly text, signed and verified as any other, and a clock
// that only the test moves. Through the pack's door, so that what reaches the sandbox is the real thing.

import wabtInit from "wabt";
import { type Failure, FEATURES } from "../base/mod.ts";
import {
  generateSigningKey,
  kernelHash,
  type KernelSource,
  memoryFiles,
  trustKeys,
  type VerifiedKernel,
  type VerifiedPack,
  verifyPack,
} from "../pack/mod.ts";
import { Sandbox, type SandboxOptions } from "./sandbox.ts";
import type { Ticker, TickerSource } from "./ticker.ts";

/** What a test writes of a kernel; functions of the ABI that it leaves out return 0. */
export interface KernelText {
  /** Default: one page, which may grow as far as the kernel's grant. */
  readonly memory?: string;
  /** Types, imports, globals, tables, segments and functions of the test's own. */
  readonly fields?: string;
  /** Bodies, each of which leaves an i32. `$at` is the pointer that the function takes. */
  readonly forward?: string;
  readonly init?: string;
  readonly info?: string;
  readonly cleanup?: string;
}

/** What a test changes of a kernel's entry in the manifest. */
export type EntryChanges = Partial<KernelSource>;

const VECTOR = [{ name: "x", dtype: "f32", shape: ["n"] }] as const;

/** One input x and one output y, both f32[n], no params, and limits that hurt nobody. */
const ENTRY = {
  id: "test",
  name: "Test",
  category: "custom",
  entry_point: "forward",
  inputs: VECTOR,
  outputs: [{ ...VECTOR[0], name: "y" }],
  resource_limits: { max_memory_pages: 16, max_epoch_ticks: 1000, max_table_elements: 64 },
} as const;

/** A module that exports every function of Kernel ABI v1, as text. */
export function kernelText(text: KernelText = {}): string {
  const { memory = "(memory 1)", fields = "", forward = "(i32.const 0)" } = text;
  const { init = "(i32.const 0)", info = "(i32.const 0)", cleanup = "(i32.const 0)" } = text;
  return `(module ${fields} ${memory}
    (func $init (export "kernel_init") (param $at i32) (param $bytes i32) (result i32) ${init})
    (func $info (export "kernel_info") (param $at i32) (result i32) ${info})
    (func $cleanup (export "kernel_cleanup") (result i32) ${cleanup})
    (func $forward (export "forward") (param $at i32) (result i32) ${forward}))`;
}

/** The bytes of a module's text, with its names in a name section. */
export async function assembleText(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const wabt = await (loaded ??= wabtInit());
  const parsed = wabt.parseWat("kernel.wat", text, ASSEMBLER_FEATURES);
  try {
    return new Uint8Array(parsed.toBinary({ write_debug_names: true }).buffer);
  } finally {
    parsed.destroy();
  }
}

let loaded: ReturnType<typeof wabtInit> | undefined;
const ASSEMBLER_FEATURES = {
  threads: true,
  exceptions: true,
  tail_call: true,
  multi_memory: true,
  memory64: true,
  extended_const: true,
  relaxed_simd: true,
};

export async function kernelModule(text: KernelText = {}): Promise<Uint8Array<ArrayBuffer>> {
  return assembleText(kernelText(text));
}

/** One kernel of a pack to be signed: its module or its text, and what its entry changes. */
export interface PackedKernel extends EntryChanges {
  readonly module: Uint8Array<ArrayBuffer>;
  /** Modules of the entry's variants, by their paths. */
  readonly files?: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
}

export interface PackFallbacks {
  readonly fallbacks?: Readonly<Record<string, string>>;
  /** Names that the pack's verifier takes for references of the host. */
  readonly references?: readonly string[];
}

/** A verified pack of `kernels`, which declares every feature that this engine has. */
export async function verifiedPack(
  kernels: readonly PackedKernel[],
  version = "1.0.0",
  { fallbacks = {}, references = [] }: PackFallbacks = {},
): Promise<VerifiedPack> {
  const { key } = await generateSigningKey();
  const entries = kernels.map(async ({ module, files: _files, ...changes }, i) => ({
    ...ENTRY,
    platforms: { elsewhere: { min_version: "1.0.0", features: FEATURES } },
    path: `${i}.wasm`,
    ...changes,
    hash: await kernelHash(module),
  }));
  const manifest = {
    version,
    name: "test-kernels",
    description: "Kernels of a test",
    min_runtime_version: "0.0.1",
    max_runtime_version: "9.0.0",
    created_at: "2026-01-18T00:00:00Z",
    author: { name: "Test", email: "test@example.com", signing_key: key.publicText },
    kernels: await Promise.all(entries),
    fallbacks,
  };
  const raw = new TextEncoder().encode(JSON.stringify(manifest));
  const files = new Map<string, Uint8Array>([
    ["kernels.json", raw],
    ["kernels.json.sig", await key.sign(raw)],
    ...kernels.map(({ module }, i) => [`${i}.wasm`, module] as const),
    ...kernels.flatMap(({ files = {} }) => Object.entries(files)),
  ]);
  return verifyPack(memoryFiles(files), {
    trust: await trustKeys(key.publicKey),
    now: () => Date.UTC(2026, 5, 1),
    runtimeVersion: "1.0.0",
    platform: { name: "node", version: "24.0.0" },
    references: new Set(references),
  });
}

/** One verified kernel, from its text or its bytes. */
export async function verified(
  from: KernelText | Uint8Array<ArrayBuffer> = {},
  changes: EntryChanges = {},
): Promise<VerifiedKernel> {
  const module = from instanceof Uint8Array ? from : await kernelModule(from);
  return (await verifiedPack([{ ...changes, module }])).kernels[0]!;
}

/** A ticker whose epoch stands still until the test writes it. */
export interface HandTicker {
  readonly source: TickerSource;
  readonly epoch: Int32Array;
  /** Tells whoever holds it that its thread died, with the failure given. */
  readonly die: () => void;
}

export function handTicker(start = 0, death?: Failure): HandTicker {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const epoch = new Int32Array(memory.buffer);
  epoch[0] = start;
  const holders: ((error: Failure) => void)[] = [];
  return {
    epoch,
    source: async ({ intervalMs, onError }): Promise<Ticker> => {
      holders.push(onError);
      return { memory, epoch, intervalMs, async [Symbol.asyncDispose]() {} };
    },
    die: () => holders.forEach((tell) => tell(death!)),
  };
}

/** A sandbox whose epoch stands still. */
export async function stillSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  return Sandbox.create(options, handTicker().source);
}
