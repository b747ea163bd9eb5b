// Packed KV: keys and values as blocks of 8-bit or 4-bit integers, packed and unpacked by kernels of
// the pack. They are kept outside any kernel's memory, since that may be as large as the model's.

import type { VerifiedPack } from "../pack/mod.ts";
import type { FallbackChain, PreparedChain, Sandbox } from "../sandbox/mod.ts";
import type { ModelConfig } from "./config.ts";
import { REST_AFTER } from "./degraded.ts";
import { unsupported } from "./json.ts";
import type { KvOpener, KvShape, KvStore } from "./kv.ts";
import type { Meter } from "./meter.ts";
import type { KeyBlock, Native, NativePlan } from "./native/native.ts";

export type PackedFormat = "q8_0" | "q4_0";

interface Recipe {
  readonly pack: string;
  readonly unpack: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly dims: Readonly<Record<string, number>>;
  readonly blockBytes: number;
}

const RECIPES: Readonly<Record<PackedFormat, Recipe>> = {
  q8_0: { pack: "kv_pack_q8", unpack: "kv_unpack_q8", params: {}, dims: {}, blockBytes: 34 },
  q4_0: {
    pack: "kv_pack_q4",
    unpack: "kv_unpack_q4",
    params: { format: "q4_0" },
    dims: { block_bytes: 18 },
    blockBytes: 18,
  },
};

const BLOCK_VALUES = 32;
const BLOCK = 64; // Positions that are unpacked at once.

export interface PackedKernels {
  readonly format: PackedFormat;
  readonly packer: FallbackChain;
  readonly unpacker: FallbackChain;
}

/** Loads the kernels of `format`. */
export async function packedKernels(
  format: PackedFormat,
  sandbox: Sandbox,
  pack: VerifiedPack,
): Promise<PackedKernels> {
  const options = { restAfter: REST_AFTER };
  const packer = await sandbox.chain(pack, RECIPES[format].pack, options);
  const unpacker = await sandbox.chain(pack, RECIPES[format].unpack, options);
  return { format, packer, unpacker };
}

/** A store of packed blocks. Fails with MODEL_UNSUPPORTED where heads are no whole blocks. */
export function packedStore(
  plan: NativePlan,
  shape: KvShape,
  kernels: PackedKernels,
  meter: Meter,
): KvOpener {
  const { kvHeads, headDim } = shape.config;
  if (headDim % BLOCK_VALUES !== 0)
    throw unsupported("the cache", `heads of ${headDim} values`, `blocks of ${BLOCK_VALUES}`);
  const wideAt = plan.reserve(2 * kvHeads * BLOCK * headDim * 4);
  return (native) => new PackedStore(native, wideAt, shape, kernels, meter);
}

class PackedStore implements KvStore {
  readonly format: PackedFormat;
  readonly bytesPerPosition: number;
  readonly chains: readonly FallbackChain[];
  readonly #config: ModelConfig;
  readonly #meter: Meter;
  readonly #recipe: Recipe;
  readonly #packCall: PreparedChain;
  readonly #unpackCall: PreparedChain;
  readonly #calls: DisposableStack;
  readonly #wideAt: number;
  readonly #wide: Float32Array;
  /** Of each layer: keys of every head, then values, each [capacity, rowBytes]. */
  readonly #layers: readonly Uint8Array[];
  readonly #capacity: number;
  /** One head's key, or value, of one position. */
  readonly #rowBytes: number;

  constructor(
    native: Native,
    wideAt: number,
    { config, positions }: KvShape,
    kernels: PackedKernels,
    meter: Meter,
  ) {
    const { kvHeads, headDim, layers } = config;
    const blocks = headDim / BLOCK_VALUES;
    const recipe = RECIPES[kernels.format];
    const { params, dims, blockBytes } = recipe;
    const lines = 2 * kvHeads;
    this.format = kernels.format;
    this.chains = [kernels.packer, kernels.unpacker];
    this.#config = config;
    this.#meter = meter;
    this.#recipe = recipe;
    this.#rowBytes = blocks * blockBytes;
    this.bytesPerPosition = layers * lines * this.#rowBytes;
    this.#capacity = Math.ceil(positions / BLOCK) * BLOCK;
    const layerBytes = lines * this.#capacity * this.#rowBytes;
    this.#layers = Array.from({ length: layers }, () => new Uint8Array(layerBytes));
    this.#wideAt = wideAt;
    this.#wide = native.f32(wideAt, lines * BLOCK * headDim);
    const x = [lines, blocks, BLOCK_VALUES];
    const packed = [lines * BLOCK, blocks, blockBytes];
    using calls = new DisposableStack();
    this.#packCall = calls.use(kernels.packer.prepare({ inputs: { x }, params, dims }));
    this.#unpackCall = calls.use(kernels.unpacker.prepare({ inputs: { packed }, params }));
    this.#calls = calls.move();
  }

  append(layer: number, position: number, key: Float32Array, value: Float32Array): void {
    const x = this.#packCall.inputs["x"] as Float32Array;
    x.set(key);
    x.set(value, key.length);
    this.#meter.lap("host", "cache");
    this.#meter.ran(this.#recipe.pack, this.#packCall.run().degraded);
    const packed = this.#packCall.outputs["packed"] as Uint8Array;
    const row = this.#rowBytes;
    const store = this.#layers[layer]!;
    for (let line = 0; line < 2 * this.#config.kvHeads; line++) {
      const at = (line * this.#capacity + position) * row;
      store.set(packed.subarray(line * row, (line + 1) * row), at);
    }
  }

  read(layer: number, count: number, show: (block: KeyBlock) => void): void {
    const { kvHeads, headDim } = this.#config;
    const valuesAt = this.#wideAt + kvHeads * BLOCK * headDim * 4;
    for (let first = 0; first < count; first += BLOCK) {
      this.#meter.lap("native", "attention");
      this.#unpack(layer, first);
      const keys = Math.min(BLOCK, count - first);
      show({ keysAt: this.#wideAt, valuesAt, capacity: BLOCK, first, count: keys });
    }
  }

  /** Widens BLOCK positions from `first` on; those not written yet are zeros. */
  #unpack(layer: number, first: number): void {
    const packed = this.#unpackCall.inputs["packed"] as Uint8Array;
    const bytes = BLOCK * this.#rowBytes;
    for (let line = 0; line < 2 * this.#config.kvHeads; line++) {
      const from = (line * this.#capacity + first) * this.#rowBytes;
      packed.set(this.#layers[layer]!.subarray(from, from + bytes), line * bytes);
    }
    this.#meter.lap("host", "cache");
    this.#meter.ran(this.#recipe.unpack, this.#unpackCall.run().degraded);
    this.#wide.set(this.#unpackCall.outputs["x"] as Float32Array);
    this.#meter.lap("host", "cache");
  }

  [Symbol.dispose](): void {
    this.#calls.dispose();
  }
}
