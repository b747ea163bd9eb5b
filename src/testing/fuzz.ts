// Fuzz: calls a kernel with descriptors, params and sizes that no honest host would write, and checks
// that it keeps what Kernel ABI v1 promises whatever it is given: it returns a code from 0 to 6 or
// stops, and it writes nothing but its output, its scratch and its own pages.
//
// The sandbox would refuse most of these descriptors before the kernel saw them. A kernel that does not
// rely on that is safe under any host. It runs by fuel, so that a seed replays a whole run.

import { Failure } from "../base/mod.ts";
import { BASELINE, type KernelEntry } from "../pack/mod.ts";
import { inspect, instrument } from "../sandbox/mod.ts";
import { codeName, type TestKernel } from "./assess.ts";
import { Chance } from "./chance.ts";
import { type CorpusCase, corpusOf } from "./corpus.ts";
import { type Image, IMAGE_BYTES, imageOf, strayWrite } from "./fuzz-image.ts";
import type { CorpusHints } from "./hints.ts";

export interface FuzzOptions {
  readonly seed?: number | undefined;
  readonly inputs?: number | undefined;
  readonly hints?: CorpusHints | undefined;
  /** Units that one call may burn: about as many instructions. */
  readonly fuel?: bigint | undefined;
}

export interface FuzzReport {
  readonly inputs: number;
  /** How many calls returned each code. */
  readonly codes: Readonly<Record<string, number>>;
  /** Calls that trapped, and calls that used up their fuel or stack. */
  readonly trapped: number;
  readonly stopped: number;
}

const ELEMENTS_MAX = 512;
const FUEL = 2_000_000n;
const PAGE_BYTES = 65_536;
const CODE_MAX = 6;

/** Calls the kernel `inputs` times. Fails with KERNEL_MISBEHAVED, naming seed and input, at the first fault. */
export function fuzzKernel(
  { verified, kernel }: TestKernel,
  { seed = 1, inputs = 500, hints = {}, fuel = FUEL }: FuzzOptions = {},
): FuzzReport {
  const { entry } = verified;
  const bytes = verified.copyBytes(meteredVariant(verified, kernel.variant));
  let cell = new Cell(entry, bytes, fuel);
  const codes: Record<string, number> = {};
  const ends = { trapped: 0, stopped: 0 };
  for (const drawn of corpusOf(entry, { seed, cases: inputs, hints, elementsMax: ELEMENTS_MAX })) {
    const chance = new Chance(seed, 2 ** 31 + drawn.number);
    const image = imageOf(entry, drawn, cell.start, chance);
    if (image === undefined) continue; // A corpus of such small tensors mostly fits.
    const fault = (found: string, expected: string): Failure =>
      misbehaved(entry.id, seed, drawn, image, { found, expected });
    const end = cell.run(image);
    const stray = strayWrite(image, cell.image(), cell.start);
    if (stray >= 0)
      throw fault(`a write to byte ${stray} of the call's memory`, "writes to output and scratch");
    if (typeof end === "object") throw fault(String(end.error), "a code, a trap or a stop");
    if (typeof end === "number") {
      if (!(end >= 0 && end <= CODE_MAX)) throw fault(`the code ${end}`, "a code from 0 to 6");
      codes[codeName(end)] = (codes[codeName(end)] ?? 0) + 1;
    } else {
      ends[end]++;
      cell = new Cell(entry, bytes, fuel); // Whatever it left half done is gone.
    }
  }
  return { inputs, codes, ...ends };
}

/** The variant itself, or the baseline for one of relaxed SIMD, whose instructions nobody meters. */
function meteredVariant({ modules }: TestKernel["verified"], variant: string): string {
  const features = modules.find((module) => module.variant === variant)?.features ?? [];
  return features.includes("relaxed-simd") ? BASELINE : variant;
}

/** How a call ended: its code, a stop, or something that is neither. */
type End = number | "trapped" | "stopped" | { readonly error: unknown };

type Armed = (fuel: bigint, ...args: number[]) => number;

/** One instance of the kernel, with memory of its own. */
class Cell {
  /** Where the image begins: behind the pages that the module claims. */
  readonly start: number;
  readonly #memory: WebAssembly.Memory;
  readonly #interrupted: WebAssembly.Global | undefined;
  readonly #forward: Armed;
  readonly #init: Armed | undefined;
  readonly #fuel: bigint;
  #initialised = false;

  constructor(entry: KernelEntry, bytes: Uint8Array, fuel: bigint) {
    const names = new Set(inspect(bytes).exports.map(({ name }) => name));
    const forward = [entry.entry_point, "kernel_forward"].find((name) => names.has(name));
    if (forward === undefined) throw noEntry(entry);
    const entries = [forward, ...(names.has("kernel_init") ? ["kernel_init"] : [])];
    const { max_memory_pages: memoryPagesMax } = entry.resource_limits;
    const rewritten = instrument(bytes, {
      interrupt: "fuel",
      memory: "host",
      memoryPagesMax: Math.max(memoryPagesMax, IMAGE_BYTES / PAGE_BYTES + 16),
      stackBytes: 65_536,
      entries,
    });
    const host: Record<string, WebAssembly.ImportValue> = {};
    for (const added of rewritten.imports)
      host[added.name] =
        added.kind === "memory"
          ? new WebAssembly.Memory(added.type)
          : new WebAssembly.Global(added.type, added.type.value === "i64" ? fuel : 65_536);
    this.#memory = host["memory"] as WebAssembly.Memory;
    this.#interrupted = host["interrupted"] as WebAssembly.Global | undefined;
    if (this.#interrupted !== undefined) this.#interrupted.value = 0;
    const module = new WebAssembly.Module(rewritten.bytes);
    const { exports } = new WebAssembly.Instance(module, { annulus: host });
    const armed = new Map(rewritten.exports.map(({ entry: name, name: own }) => [name, own]));
    this.#forward = exports[armed.get(forward)!] as Armed;
    this.#init = exports[armed.get("kernel_init") ?? ""] as Armed | undefined;
    this.#fuel = fuel;
    this.start = this.#memory.buffer.byteLength;
    this.#memory.grow(IMAGE_BYTES / PAGE_BYTES);
  }

  /** The image as it is now, in place. */
  image(): Uint8Array {
    return new Uint8Array(this.#memory.buffer, this.start, IMAGE_BYTES);
  }

  run({ bytes, words, descriptorAt }: Image): End {
    this.image().set(bytes);
    try {
      if (!this.#initialised) this.#init?.(this.#fuel, words[8]!, words[9]!);
      this.#initialised = true;
      return this.#forward(this.#fuel, descriptorAt);
    } catch (error) {
      if (error instanceof RangeError) return "stopped"; // The engine's own stack.
      const isTrap = error instanceof WebAssembly.RuntimeError;
      if (!isTrap && !(error instanceof WebAssembly.Exception)) return { error };
      return this.#interrupted?.value === 0 || this.#interrupted === undefined
        ? "trapped"
        : "stopped";
    }
  }
}

function misbehaved(
  id: string,
  seed: number,
  drawn: CorpusCase,
  { words, changes }: Image,
  facts: { readonly found: string; readonly expected: string },
): Failure {
  const at = `kernel "${id}", seed ${seed}, input ${drawn.number}, ${changes.join(", ") || "unchanged"}`;
  const fix = "Compare every size with params and dimensions before the first access.";
  const detail = { seed, input: drawn.number, descriptor: [...words], dims: drawn.dims };
  return new Failure("KERNEL_MISBEHAVED", { at, ...facts, fix }, { detail });
}

function noEntry({ id, entry_point }: KernelEntry): Failure {
  return new Failure("MODULE_REFUSED", {
    at: `kernel "${id}"`,
    found: `no function "${entry_point}"`,
    expected: "the entry point that the manifest names",
    fix: "Export it.",
  });
}
