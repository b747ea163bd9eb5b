// Reference: what a kernel computes, written plainly on the host's side. It is the judge of the fast
// versions and the last resort when they fail.

import type { TensorView } from "./dtype.ts";

/** Where a reference writes floats: a kernel's own view rounds once; a judge passes f64 and rounds not. */
export type ReferenceOutput = TensorView | Float64Array;

export interface ReferenceCall {
  /** Read only, by name, as the kernel's manifest declares them. */
  readonly inputs: Readonly<Record<string, TensorView>>;
  /** Written whole, by name. They share no memory with the inputs. */
  readonly outputs: Readonly<Record<string, ReferenceOutput>>;
  /** Every param of the manifest as its block would hold it: named values and bools are numbers. */
  readonly params: Readonly<Record<string, number | bigint>>;
  /** The value of every symbolic dimension. */
  readonly dims: Readonly<Record<string, number>>;
}

/** Computes outputs from inputs. Returns the code that the kernel would: 0 when done, else 1 to 6. */
export type Reference = (call: ReferenceCall) => number;

/** References by the names that the fallbacks of packs give them. */
export type References = ReadonlyMap<string, Reference>;
