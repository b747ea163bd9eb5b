// KV open: the store of each format, and the kernels that it needs.

import { Failure } from "../base/mod.ts";
import type { VerifiedPack } from "../pack/mod.ts";
import type { Sandbox } from "../sandbox/mod.ts";
import {
  f16Store,
  f32Store,
  KV_FORMATS,
  type KvFormat,
  type KvOpener,
  type KvShape,
} from "./kv.ts";
import { packedKernels, packedStore } from "./kv-packed.ts";
import type { Meter } from "./meter.ts";
import type { NativePlan } from "./native/native.ts";

export interface KvRequest {
  readonly format: KvFormat;
  readonly sandbox: Sandbox;
  readonly pack: VerifiedPack;
  readonly meter: Meter;
}

/** Loads what the format needs. What comes back reserves room for a store. */
export async function kvFor({
  format,
  sandbox,
  pack,
  meter,
}: KvRequest): Promise<(plan: NativePlan, shape: KvShape) => KvOpener> {
  switch (format) {
    case "f32":
      return f32Store;
    case "f16":
      return f16Store;
    case "q8_0":
    case "q4_0": {
      const kernels = await packedKernels(format, sandbox, pack);
      return (plan, shape) => packedStore(plan, shape, kernels, meter);
    }
    default:
      throw unknownFormat(format);
  }
}

function unknownFormat(format: never): Failure {
  return new Failure("PARAM_INVALID", {
    at: "kv",
    found: JSON.stringify(format),
    expected: `one of ${KV_FORMATS.join(", ")}`,
    fix: "Name a format that the cache can have.",
  });
}
