// Fallback fixture: kernels that double their input and ways in which they fail at it, as text, and
// chains of them.

import type { Reference } from "../base/mod.ts";
import type { ChainOptions, FallbackChain } from "./fallback.ts";
import {
  type EntryChanges,
  kernelModule,
  type KernelText,
  stillSandbox,
  verifiedPack,
} from "./kernel.fixture.ts";
import type { Sandbox, SandboxOptions } from "./sandbox.ts";
import type { SandboxEvent } from "./context.ts";

/** y = 2 x, value by value. */
export const DOUBLES: KernelText = {
  forward: `(local $x i32) (local $y i32) (local $end i32)
    (local.set $x (i32.load (local.get $at)))
    (local.set $y (i32.load offset=16 (local.get $at)))
    (local.set $end (i32.add (local.get $x) (i32.load offset=4 (local.get $at))))
    (block $done (loop $next
      (br_if $done (i32.eq (local.get $x) (local.get $end)))
      (f32.store (local.get $y) (f32.mul (f32.const 2) (f32.load (local.get $x))))
      (local.set $x (i32.add (local.get $x) (i32.const 4)))
      (local.set $y (i32.add (local.get $y) (i32.const 4)))
      (br $next)))
    (i32.const 0)`,
};

export const TRAPS: KernelText = { forward: "(unreachable)" };

/** Sets every byte of all regions, whose five offsets and sizes lie in the descriptor, then traps. */
export const SCRIBBLES: KernelText = {
  forward: `(local $region i32) (local $byte i32) (local $stop i32)
    (loop $regions
      (local.set $byte (i32.load (i32.add (local.get $at) (local.get $region))))
      (local.set $stop (i32.add (local.get $byte)
        (i32.load offset=4 (i32.add (local.get $at) (local.get $region)))))
      (block $done (loop $bytes
        (br_if $done (i32.eq (local.get $byte) (local.get $stop)))
        (i32.store8 (local.get $byte) (i32.const 255))
        (local.set $byte (i32.add (local.get $byte) (i32.const 1)))
        (br $bytes)))
      (local.set $region (i32.add (local.get $region) (i32.const 8)))
      (br_if $regions (i32.lt_u (local.get $region) (i32.const 40))))
    (unreachable)`,
};

export const LOOPS: KernelText = { forward: "(loop $for_ever (br $for_ever)) (unreachable)" };

export const returning = (code: number): KernelText => ({ forward: `(i32.const ${code})` });

/** A module that the sandbox refuses when it is loaded. */
export const REFUSED: KernelText = { fields: '(import "env" "read" (func))' };

/** y = 2 x, as a host would write it. */
export const doubling: Reference = ({ inputs, outputs }) => {
  outputs["y"]!.set(inputs["x"]!.map((value) => 2 * value));
  return 0;
};

export interface TestedChain {
  readonly chain: FallbackChain;
  readonly sandbox: Sandbox;
  readonly events: readonly SandboxEvent[];
}

export interface ChainSetup {
  /** Kernels "0", "1" and so on, each the fallback of the one before. */
  readonly kernels: readonly KernelText[];
  /** What ends the chain. Default: nothing. */
  readonly reference?: Reference | undefined;
  readonly entries?: readonly EntryChanges[] | undefined;
  readonly options?: ChainOptions | undefined;
  readonly sandbox?: SandboxOptions | undefined;
}

/** The chain of kernel "0". Its sandbox tells `events`, and disposes with the test's process. */
export async function chainOf(setup: ChainSetup): Promise<TestedChain> {
  const { kernels, reference, entries = [], options = {} } = setup;
  const packed = kernels.map(async (text, i) => {
    return { ...entries[i], id: String(i), module: await kernelModule(text) };
  });
  const names = [...kernels.keys().map(String), ...(reference === undefined ? [] : ["doubling"])];
  const pairs = names.slice(1).map((name, i) => [names[i]!, name]);
  const fallbacks = Object.fromEntries(pairs) as Record<string, string>;
  const pack = await verifiedPack(await Promise.all(packed), "1.2.3", {
    fallbacks,
    references: ["doubling"],
  });
  const events: SandboxEvent[] = [];
  const references = new Map(reference === undefined ? [] : [["doubling", reference]]);
  const sandbox = await stillSandbox({
    onEvent: (event) => events.push(event),
    references,
    ...setup.sandbox,
  });
  return { chain: await sandbox.chain(pack, "0", options), sandbox, events };
}

/** A call of x by value. */
export function requestOf(...x: readonly number[]) {
  return { inputs: { x: { shape: [x.length], data: Float32Array.from(x) } } };
}
