// Program: a verified kernel, inspected, rewritten and compiled once, ready to be instantiated.

import { assert, Failure, SANDBOX_LIMITS } from "../base/mod.ts";
import { DESCRIPTOR, paramsLayout, type ParamsLayout } from "../layout/mod.ts";
import type { KernelEntry, VerifiedKernel } from "../pack/mod.ts";
import { admit, forwardExport } from "./admit.ts";
import { Backward } from "./backward.ts";
import { decode, SECTION } from "./decode.ts";
import { type AddedImport, instrumentModule, type MemoryType } from "./instrument.ts";
import type { Module } from "./module.ts";
import { functionNames } from "./names.ts";
import { ShapePlan } from "./shapes.ts";
import type { OffsetMap } from "./writer.ts";

export type InterruptMode = "epoch" | "fuel" | "none";

/** What the host grants one kernel: the smaller of its manifest's limits and the host's own. */
export interface Grant {
  readonly memoryPagesMax: number;
  readonly tableElementsMax: number;
  readonly globalsMax: number | undefined;
  readonly stackBytes: number;
  readonly interrupt: InterruptMode;
  readonly features: ReadonlySet<string>;
  readonly denied: ReadonlySet<string>;
}

/** The engine's part, which depends on the bytes and the grant only, and can be cached. */
export interface Compiled {
  readonly module: WebAssembly.Module;
  readonly imports: readonly AddedImport[];
  /** The hoisted memory: `maximum` is the smaller of what module, manifest and host allow. */
  readonly memory: MemoryType;
  readonly offsets: OffsetMap;
  readonly names: ReadonlyMap<number, string>;
  /** The author's forward export, and the exports that arm calls, by the author's name. */
  readonly forward: string;
  readonly armed: ReadonlyMap<string, string>;
  /** The export that calls the forward function for one descriptor after another. */
  readonly batch: string;
  /** First byte that the module does not claim by `__heap_base`; undefined where it claims all. */
  readonly heapBase: number | undefined;
}

export interface Program {
  readonly kernel: string;
  /** The pack that it came in. */
  readonly pack: string;
  readonly packVersion: string;
  /** Which of the kernel's modules it is. */
  readonly variant: string;
  readonly entry: KernelEntry;
  readonly compiled: Compiled;
  readonly grant: Grant;
  readonly params: ParamsLayout;
  readonly shapes: ShapePlan;
  /** What the kernel's gradients take and give, where it has any. */
  readonly backward: Backward;
}

/** The exports that the host calls, each through an armed entry. */
const ENTRIES = ["kernel_init", "kernel_info", "kernel_cleanup", "kernel_backward"];

/** Decodes, admits, rewrites and compiles. The bytes are a private copy of what was verified. */
export async function compileKernel(
  kernel: VerifiedKernel,
  variant: string,
  grant: Grant,
): Promise<Compiled> {
  const { id, entry_point: entryPoint } = kernel.entry;
  const module = decode(kernel.copyBytes(variant));
  refuseInvalid(id, module);
  admit(module, id, { ...grant, entryPoint });
  const forward = forwardExport(module, entryPoint)!;
  const entries = [forward, ...ENTRIES.filter((name) => hasFunction(module, name))];
  const { bytes, imports, exports, batches, offsets } = instrumentModule(withoutCustom(module), {
    interrupt: grant.interrupt,
    memory: "host",
    memoryPagesMax: grant.memoryPagesMax,
    tableElementsMax: grant.tableElementsMax,
    stackBytes: grant.stackBytes,
    entries,
    batches: [{ entry: forward, strideBytes: DESCRIPTOR.bytes }],
  });
  return {
    module: await compile(id, bytes),
    imports,
    memory: memoryTypeOf(imports),
    offsets,
    names: functionNames(module),
    forward,
    armed: new Map(exports.map(({ entry, name }) => [entry, name])),
    batch: batches[0]!.name,
    heapBase: heapBaseOf(module),
  };
}

/** The parts of a program that come from the manifest. */
export function programOf(
  { entry, packName, packVersion }: VerifiedKernel,
  variant: string,
  compiled: Compiled,
  grant: Grant,
): Program {
  return {
    kernel: entry.id,
    pack: packName,
    packVersion,
    variant,
    entry,
    compiled,
    grant,
    params: paramsLayout(entry),
    shapes: new ShapePlan(entry),
    backward: new Backward(entry, compiled.armed.has("kernel_backward")),
  };
}

/** The engine judges the author's own bytes first, so that rewriting can make nothing valid. */
function refuseInvalid(kernel: string, module: Module): void {
  if (WebAssembly.validate(module.bytes as Uint8Array<ArrayBuffer>)) return;
  throw new Failure("MODULE_INVALID", {
    at: `kernel "${kernel}"`,
    found: "a module that the engine's validation refuses",
    expected: "valid WebAssembly",
    fix: "Rebuild the kernel; `wasm-validate` or the engine's compile error names the fault.",
  });
}

/**
 * Engines put the author's names of module and functions into stack traces, where a name with a line
 * break could pass for a frame. Reports take names from `Compiled.names`; the engine gets none.
 */
function withoutCustom(module: Module): Module {
  return { ...module, sections: module.sections.filter(({ id }) => id !== SECTION.custom) };
}

async function compile(
  kernel: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new Failure(
      "MODULE_INVALID",
      {
        at: `kernel "${kernel}"`,
        found: cause instanceof Error ? cause.message : String(cause),
        expected: "a module that the engine compiles",
        fix: "Check that this engine has multiple memories and every feature that the kernel uses.",
      },
      { cause },
    );
  }
}

function hasFunction(module: Module, name: string): boolean {
  return module.exports.some((each) => each.name === name && each.kind === "function");
}

/** `__heap_base`, as linkers export it: where static data and stack end. */
function heapBaseOf(module: Module): number | undefined {
  const found = module.exports.find(
    ({ name, kind }) => name === "__heap_base" && kind === "global",
  );
  const global = found === undefined ? undefined : module.globals[found.index];
  if (global === undefined || global.mutable || global.i32 === undefined) return undefined;
  const base = global.i32 >>> 0;
  return base <= module.memories[0]!.min * SANDBOX_LIMITS.pageBytes ? base : undefined;
}

function memoryTypeOf(imports: readonly AddedImport[]): MemoryType {
  const memory = imports.find(({ name }) => name === "memory");
  assert(memory?.kind === "memory", "an admitted module has a memory, and it was hoisted");
  return memory.type;
}
