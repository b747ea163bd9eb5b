// Rewritten fixture: supplies what the rewriter imported, instantiates, and tells why a call stopped.

import { type AddedImport, instrument, type InstrumentOptions } from "./instrument.ts";
import type { Instrumented } from "./instrument.ts";
import { INTERRUPTED } from "./interrupted.ts";
import { wat } from "./wasm.fixture.ts";

type Export = (...args: unknown[]) => unknown;

export interface Rewritten {
  readonly result: Instrumented;
  /** The functions that the module exports, ours among them. */
  readonly call: Readonly<Record<string, Export>>;
  readonly exports: WebAssembly.Exports;
  readonly host: Host;
}

/** What the host owns. Each is there only if the rewriter asked for it. */
export interface Host {
  readonly imports: Record<string, WebAssembly.Memory | WebAssembly.Global>;
  /** The epoch's word. */
  readonly epoch: Int32Array;
  /** Reads or sets one of our globals. */
  get(name: string): number | bigint;
  set(name: string, value: number | bigint): void;
  /** Gives plenty of fuel, if fuel is asked for: what a host does before each call. */
  refill(): void;
  /** Why the last call was stopped. */
  readonly reason: keyof typeof INTERRUPTED;
}

/** What the module finds at instantiation; by default plenty of everything. */
export interface Supplies {
  readonly deadline?: number;
  readonly fuel?: bigint;
  readonly stack?: number;
  readonly imports?: WebAssembly.Imports;
  /** A memory to serve as the epoch's, so that a module that shares it can tick by itself. */
  readonly epoch?: WebAssembly.Memory;
  /** Called with the host before instantiation, while nothing of the module has run. */
  readonly before?: (host: Host) => void;
}

export function supply(added: readonly AddedImport[], supplies: Supplies = {}): Host {
  const imports: Host["imports"] = {};
  const start: Readonly<Record<string, number | bigint>> = {
    deadline: supplies.deadline ?? 2 ** 31 - 1,
    fuel: supplies.fuel ?? 2n ** 62n,
    stack: supplies.stack ?? 2 ** 30,
    interrupted: 0,
    request: 0,
  };
  for (const { name, kind, type } of added) {
    if (kind === "global") imports[name] = new WebAssembly.Global(type, start[name]);
    else
      imports[name] =
        (name === "epoch" ? supplies.epoch : undefined) ?? new WebAssembly.Memory(type);
  }
  const global = (name: string): WebAssembly.Global => imports[name] as WebAssembly.Global;
  const epoch = imports["epoch"] as WebAssembly.Memory | undefined;
  return {
    imports,
    epoch: new Int32Array(epoch?.buffer ?? new ArrayBuffer(4)),
    get: (name) => global(name).value as number | bigint,
    set: (name, value) => {
      global(name).value = value;
    },
    refill() {
      if (imports["fuel"] !== undefined) global("fuel").value = 2n ** 62n;
    },
    get reason() {
      const value = imports["interrupted"] === undefined ? 0 : global("interrupted").value;
      const found = Object.entries(INTERRUPTED).find(([, number]) => number === value);
      return found![0] as keyof typeof INTERRUPTED;
    },
  };
}

/** Rewrites `source`, text or bytes, and instantiates what came of it. */
export function rewritten(
  source: string | Uint8Array,
  options: InstrumentOptions,
  supplies: Supplies = {},
): Rewritten {
  const result = instrument(typeof source === "string" ? wat(source) : source, options);
  const host = supply(result.imports, supplies);
  supplies.before?.(host);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(result.bytes), {
    ...supplies.imports,
    annulus: host.imports,
  });
  return { result, exports, call: exports as Record<string, Export>, host };
}

/** The message of the trap that `act` ends in, or its result as text: what a comparison looks at. */
export function outcomeOf(act: () => unknown): string {
  try {
    const result = act();
    return Array.isArray(result) ? result.map(String).join(", ") : String(result);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return `trap: ${error.message}`;
    if (error instanceof RangeError) return "trap: stack overflow";
    throw error;
  }
}

/** Byte offsets in the module of the frames of the error that `act` throws, innermost first. */
export function offsetsOf(act: () => unknown): number[] {
  try {
    act();
  } catch (error) {
    const places = String((error as Error).stack).matchAll(/wasm-function\[\d+\]:0x([0-9a-f]+)/g);
    return [...places].map(([, offset]) => Number.parseInt(offset!, 16));
  }
  throw new Error("nothing was thrown");
}
