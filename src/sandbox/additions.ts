// Additions: everything that the rewriter will add to a module, decided before a byte is written.
//
// What it adds the author's code cannot name: every index of the author's was checked against the
// author's own spaces (decode.ts), and everything added lies behind them.

import { Failure, MODULE_LIMITS } from "../base/mod.ts";
import { recursiveFunctions } from "./callgraph.ts";
import { type Arming, armedEntry, batchEntry } from "./entries.ts";
import type { FramePlan } from "./frame-keeper.ts";
import type { AddedImport, BatchOption, InstrumentOptions } from "./instrument-options.ts";
import { type Body, type Module, typeOfFunction } from "./module.ts";
import { byteAt, tooLarge, unsupported } from "./reader.ts";
import type { BodyPlan } from "./rewrite-body.ts";
import { type AddedIndices, epochCheck, fuelCharge } from "./snippets.ts";
import { type FunctionType, I32, I64, type ValueType } from "./types.ts";
import { leb, signedLeb } from "./writer.ts";

/** The module name under which everything added is imported. Modules that import from it are refused. */
export const HOST_MODULE = "annulus";
export const ENTRY_PREFIX = "annulus:";
const BATCH_PREFIX = `${ENTRY_PREFIX}batch:`;
const PAGES_MAX = 65_536;

/** An armed entry or a batch entry: a function that we add and export. */
export interface Entry {
  /** The name under which it is exported. */
  readonly name: string;
  /** The author's export that it calls. */
  readonly entry: string;
  readonly isBatch: boolean;
  /** Index of its type, and its body with the body's size. */
  readonly type: number;
  readonly body: readonly number[];
}

export interface Additions {
  readonly imports: readonly AddedImport[];
  /** True if the module's memory becomes the first of `imports`. */
  readonly hoists: boolean;
  /** Types to append, as bytes; their indices follow the author's. */
  readonly types: readonly (readonly number[])[];
  readonly entries: readonly Entry[];
  readonly bodies: BodyPlan;
  /** How each body is charged for its frame, by index among the bodies. */
  readonly frames: readonly (FramePlan | undefined)[];
}

/** Decides what to add. Throws MODULE_UNSUPPORTED or MODULE_REFUSED where it cannot be added. */
export function planAdditions(module: Module, options: InstrumentOptions): Additions {
  refuseOurNames(module);
  return new Planner(module, options).plan();
}

/** A module that imports from `annulus`, or exports a name that we would, could pose as the host. */
function refuseOurNames({ imports, exports }: Module): void {
  const taken = imports.find(({ module }) => module === HOST_MODULE);
  const exported = exports.find(({ name }) => name.startsWith(ENTRY_PREFIX));
  const at = taken?.at ?? exported?.at;
  if (at === undefined) return;
  throw new Failure("MODULE_REFUSED", {
    at: byteAt(at),
    found: taken
      ? `an import of ${HOST_MODULE}.${taken.name}`
      : `an export named ${exported!.name}`,
    expected: "names outside those that the sandbox reserves for itself",
    fix: `Rename it: "${HOST_MODULE}" and "${ENTRY_PREFIX}" belong to the host.`,
  });
}

class Planner {
  readonly #module: Module;
  readonly #options: InstrumentOptions;
  readonly #hoists: boolean;
  readonly #recursive: Uint8Array | undefined;
  readonly #chargesStack: boolean;
  readonly #imports: AddedImport[] = [];
  readonly #types: number[][] = [];
  /** Added types that give a function's results to the block that wraps its body, by its type. */
  readonly #resultTypes = new Map<number, number>();

  constructor(module: Module, options: InstrumentOptions) {
    this.#module = module;
    this.#options = options;
    this.#hoists = options.memory === "host" && hasHostMemory(module, options);
    this.#recursive = options.stackBytes === undefined ? undefined : recursiveFunctions(module);
    this.#chargesStack = this.#recursive?.includes(1) === true;
  }

  plan(): Additions {
    if (this.#hoists) this.#importMemory();
    const bodies = this.#bodyPlan();
    const frames = this.#module.bodies.map((body, i) => this.#frame(body, i));
    const { entries: names, batches = [] } = this.#options;
    const arming = this.#armingOf(bodies);
    const entries = [
      ...[...new Set(names)].map((name) => this.#entry(name, arming)),
      ...batches.map((batch) => this.#batch(batch, arming)),
    ];
    refuseTwins(entries);
    this.#checkCounts(entries.length, bodies.shifts.globals);
    const [imports, types] = [this.#imports, this.#types];
    return { imports, hoists: this.#hoists, types, entries, bodies, frames };
  }

  #importMemory(): void {
    const { min, max } = this.#module.memories[0]!;
    const maximum = Math.min(max ?? PAGES_MAX, this.#options.memoryPagesMax ?? PAGES_MAX);
    const type = { initial: min, maximum, shared: true } as const;
    this.#imports.push({ module: HOST_MODULE, name: "memory", kind: "memory", type });
  }

  #bodyPlan(): BodyPlan {
    const { importedGlobals, importedMemories, memories } = this.#module;
    const { interrupt } = this.#options;
    const indices = this.#importIndices();
    const isEpoch = interrupt === "epoch";
    const defined = !this.#hoists && memories.length > importedMemories;
    return {
      interrupt,
      indices,
      check: isEpoch ? epochCheck(indices) : [],
      shifts: {
        importedGlobals,
        globals: this.#imports.filter(({ kind }) => kind === "global").length,
        importedMemories,
        memories: isEpoch && defined ? 1 : 0, // The epoch's memory stands in front of theirs.
      },
      fuel: interrupt === "fuel" ? this.#fuelPlan(indices) : undefined,
    };
  }

  /** Imports what the checks need. Imported things come first in their index spaces. */
  #importIndices(): AddedIndices {
    const { importedGlobals, importedMemories } = this.#module;
    const { interrupt } = this.#options;
    let next = importedGlobals;
    const global = (name: GlobalName, isNeeded: boolean, value: "i32" | "i64" = "i32"): number => {
      if (!isNeeded) return -1;
      const type = { value, mutable: true } as const;
      this.#imports.push({ module: HOST_MODULE, name, kind: "global", type });
      return next++;
    };
    if (interrupt === "epoch") {
      const type = { initial: 1, maximum: 1, shared: true } as const;
      this.#imports.push({ module: HOST_MODULE, name: "epoch", kind: "memory", type });
    }
    return {
      epoch: importedMemories + (this.#hoists && importedMemories === 0 ? 1 : 0),
      deadline: global("deadline", interrupt === "epoch"),
      fuel: global("fuel", interrupt === "fuel", "i64"),
      stack: global("stack", this.#chargesStack),
      interrupted: global("interrupted", interrupt !== "none" || this.#chargesStack),
      request: global("request", (this.#options.batches ?? []).length > 0),
    };
  }

  #fuelPlan(indices: AddedIndices): BodyPlan["fuel"] {
    const { memories, tables, features } = this.#module;
    const relaxed = features.get("relaxed-simd");
    if (relaxed !== undefined) {
      const found = "an instruction whose result differs between machines, in fuel mode";
      throw unsupported(relaxed, "relaxed-simd", found);
    }
    return {
      indices,
      charge: fuelCharge(indices),
      wideMemory: (index) => memories[index]!.wide,
      wideTable: (index) => tables[index]!.wide,
      hasSimd: features.has("simd"),
    };
  }

  /** How a body is charged; also adds the type that its wrapping may need. */
  #frame(body: Body, i: number): FramePlan | undefined {
    // A function that catches sees frames that exceptions unwound, and must set the budget right.
    const isCharged = this.#recursive?.[i] === 1 || (this.#chargesStack && body.catches);
    if (!isCharged) return undefined;
    const { functions, importedFunctions } = this.#module;
    const blockType = this.#blockType(functions[importedFunctions + i]!);
    return { bytes: frameBytes(body), blockType };
  }

  #blockType(type: number): readonly number[] {
    const { results } = this.#module.types[type] as FunctionType;
    const [first, second] = results;
    if (first === undefined) return [0x40];
    if (second === undefined) return this.#spell([first]);
    let index = this.#resultTypes.get(type);
    if (index === undefined) {
      index = this.#addType([], results);
      this.#resultTypes.set(type, index);
    }
    return signedLeb(index);
  }

  /** Adds a function type; `first` is spelled in front of the parameters. Returns its index. */
  #addType(
    first: readonly number[],
    results: readonly ValueType[],
    params: readonly ValueType[] = [],
  ): number {
    this.#types.push([
      0x60,
      ...[...leb(first.length + params.length), ...first, ...this.#spell(params)],
      ...[...leb(results.length), ...this.#spell(results)],
    ]);
    return this.#module.types.length + this.#types.length - 1;
  }

  /** Value types in the author's own spelling. */
  #spell(types: readonly ValueType[]): number[] {
    return types.flatMap(({ at, end }) => [...this.#module.bytes.subarray(at, end)]);
  }

  #armingOf({ interrupt, indices, check }: BodyPlan): Arming {
    const stackBytes = this.#chargesStack ? this.#options.stackBytes : undefined;
    return { interrupt, indices, check, stackBytes }; // A budget of 0 stops even what has no loop.
  }

  #entry(entry: string, arming: Arming): Entry {
    const { index, type } = this.#exported(entry);
    const own = ARMED_BY[arming.interrupt];
    bound(`parameters of "${entry}"`, own.length + type.params.length, "parametersMax");
    const body = armedEntry(arming, index, type.params.length);
    const name = ENTRY_PREFIX + entry;
    return {
      name,
      entry,
      isBatch: false,
      type: this.#addType(own, type.results, type.params),
      body,
    };
  }

  #batch({ entry, strideBytes }: BatchOption, arming: Arming): Entry {
    const { index, type } = this.#exported(entry);
    const { params, results } = type;
    const isPointer = params.length === 1 && results.length === 1;
    if (!isPointer || ![params[0]!, results[0]!].every((each) => this.#isI32(each)))
      throw notABatch(entry);
    const own = [...ARMED_BY[arming.interrupt], I32];
    const body = batchEntry(arming, index, strideBytes);
    const name = BATCH_PREFIX + entry;
    return { name, entry, isBatch: true, type: this.#addType(own, results, params), body };
  }

  #isI32({ at, end }: ValueType): boolean {
    return end - at === 1 && this.#module.bytes[at] === I32;
  }

  #exported(name: string): { readonly index: number; readonly type: FunctionType } {
    const { exports } = this.#module;
    const found = exports.find((each) => each.name === name && each.kind === "function");
    const type = found === undefined ? undefined : typeOfFunction(this.#module, found.index);
    if (found !== undefined && type !== undefined) return { index: found.index, type };
    throw new Failure("MODULE_REFUSED", {
      found: `no exported function "${name}"`,
      expected: "an export for every entry",
      fix: "Export the function, or name the one that is exported.",
    });
  }

  /** Engines bound these counts, and what we add counts too. */
  #checkCounts(entries: number, addedGlobals: number): void {
    const { types, functions, globals, exports } = this.#module;
    bound("types", types.length + this.#types.length, "typesMax");
    bound("functions", functions.length + entries, "functionsMax");
    bound("globals", globals.length + addedGlobals, "globalsMax");
    bound("exports", exports.length + entries, "exportsMax");
  }
}

/** What each mode's entries take in front of the author's parameters: a deadline or ticks, or fuel. */
const ARMED_BY = { epoch: [I32], fuel: [I64], none: [] } as const;

/** One export's batch entry has the name of another's armed entry if that one is named `batch:...`. */
function refuseTwins(entries: readonly Entry[]): void {
  const names = entries.map(({ name }) => name);
  const twin = names.find((name, i) => names.indexOf(name) !== i);
  if (twin === undefined) return;
  throw new Failure("MODULE_REFUSED", {
    found: `two entries named "${twin}"`,
    expected: "a name of its own for every entry",
    fix: "Ask for each entry once, and name no export like a batch.",
  });
}

function notABatch(entry: string): Failure {
  return new Failure("MODULE_REFUSED", {
    found: `an export "${entry}" of another type`,
    expected: "a function that takes an i32 and returns an i32, to be called once per request",
    fix: "Give it that type, or ask for no batch entry.",
  });
}

type GlobalName = Extract<AddedImport, { kind: "global" }>["name"];

/** True if there is a memory to hoist; refuses those that cannot be. */
function hasHostMemory(module: Module, { memoryPagesMax }: InstrumentOptions): boolean {
  const { memories, waitAt } = module;
  const [memory, second] = memories;
  if (memory === undefined) return false;
  if (second !== undefined) {
    const found = "a second memory, where the host owns the memory";
    throw unsupported(second.at, "multi-memory", found);
  }
  if (memory.wide)
    throw unsupported(memory.at, "memory64", "a 64-bit memory, where the host owns the memory");
  if (waitAt !== undefined && !memory.shared) {
    const found = "a wait that traps on the author's memory, and would not on the host's";
    throw unsupported(waitAt, "threads", found);
  }
  const limit = memoryPagesMax ?? PAGES_MAX;
  if (memory.min <= limit) return true;
  throw new Failure("MODULE_REFUSED", {
    at: byteAt(memory.at),
    found: `a memory of at least ${memory.min} pages`,
    expected: `at most ${limit} pages of 64 KiB`,
    fix: "Build the module with a smaller initial memory, or grant it more.",
  });
}

function bound(what: string, count: number, limit: keyof typeof MODULE_LIMITS): void {
  const max = MODULE_LIMITS[limit];
  if (count > max) throw tooLarge(0, `${count} ${what} with those of the sandbox`, max);
}

const FRAME_BYTES = 64; // Return address, instance, saved registers and spills of a small frame.

/** An estimate of a frame in bytes; what it misses, the engine's own stack check catches. */
function frameBytes(body: Body): number {
  return FRAME_BYTES + body.localBytes;
}
