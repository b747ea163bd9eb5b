// KV: the cache of keys and values, behind one seam so that attention knows no format.
//
// Keys are kept as they are after rotation. A store keeps rows by position and shows them again as
// f32 blocks in native memory; whatever format it keeps them in meanwhile is its own affair.

import { f32ToF16 } from "../tensor/mod.ts";
import type { FallbackChain } from "../sandbox/mod.ts";
import type { ModelConfig } from "./config.ts";
import type { KeyBlock, Native, NativePlan } from "./native/native.ts";

export const KV_FORMATS = ["f32", "f16", "q8_0", "q4_0"] as const;
export type KvFormat = (typeof KV_FORMATS)[number];

export interface KvStore extends Disposable {
  readonly format: KvFormat;
  /** What one position of all layers takes. */
  readonly bytesPerPosition: number;
  /** The kernels that it runs. */
  readonly chains: readonly FallbackChain[];
  /** Keeps the keys and values of one position: [kvHeads, headDim] each, copied. */
  append(layer: number, position: number, key: Float32Array, value: Float32Array): void;
  /** Shows the first `count` positions of `layer`, block after block. */
  read(layer: number, count: number, show: (block: KeyBlock) => void): void;
}

/** Makes a store once native memory is there. */
export type KvOpener = (native: Native) => KvStore;

export interface KvShape {
  readonly config: ModelConfig;
  /** Positions to make room for. */
  readonly positions: number;
}

const TILE = 4;
const BLOCK = 256; // Positions that a narrow store widens at once.

/** f32 in native memory: attention reads it in place. */
export function f32Store(plan: NativePlan, { config, positions }: KvShape): KvOpener {
  const { layers, kvHeads, headDim } = config;
  const capacity = Math.ceil(positions / TILE) * TILE;
  const plane = kvHeads * capacity * headDim; // Elements of one layer's keys, or values.
  const at = plan.reserve(layers * 2 * plane * 4);
  return (native) => {
    const all = native.f32(at, layers * 2 * plane);
    return {
      format: "f32",
      bytesPerPosition: layers * 2 * kvHeads * headDim * 4,
      chains: [],
      append(layer, position, key, value) {
        for (let head = 0; head < kvHeads; head++) {
          const to = layer * 2 * plane + (head * capacity + position) * headDim;
          for (let i = 0; i < headDim; i++) {
            all[to + i] = key[head * headDim + i]!;
            all[to + plane + i] = value[head * headDim + i]!;
          }
        }
      },
      read(layer, count, show) {
        const keysAt = at + layer * 2 * plane * 4;
        show({ keysAt, valuesAt: keysAt + plane * 4, capacity, first: 0, count });
      },
      [Symbol.dispose]: () => {},
    };
  };
}

/** f16 in native memory, widened block by block. Half the room; narrowing rounds to nearest even. */
export function f16Store(plan: NativePlan, { config, positions }: KvShape): KvOpener {
  const { layers, kvHeads, headDim } = config;
  const capacity = Math.ceil(positions / BLOCK) * BLOCK;
  const plane = kvHeads * capacity * headDim;
  const at = plan.reserve(layers * 2 * plane * 2);
  const wide = kvHeads * BLOCK * headDim; // Elements of one block's keys, or values.
  const blockAt = plan.reserve(2 * wide * 4);
  return (native) => {
    const all = new Uint16Array(
      native.bytes(at, layers * 2 * plane * 2).buffer,
      at,
      layers * 2 * plane,
    );
    return {
      format: "f16",
      bytesPerPosition: layers * 2 * kvHeads * headDim * 2,
      chains: [],
      append(layer, position, key, value) {
        for (let head = 0; head < kvHeads; head++) {
          const to = layer * 2 * plane + (head * capacity + position) * headDim;
          for (let i = 0; i < headDim; i++) {
            all[to + i] = f32ToF16(key[head * headDim + i]!);
            all[to + plane + i] = f32ToF16(value[head * headDim + i]!);
          }
        }
      },
      read(layer, count, show) {
        for (let first = 0; first < count; first += BLOCK) {
          for (let line = 0; line < 2 * kvHeads; line++) {
            const from = layer * 2 * plane + (line * capacity + first) * headDim;
            native.widenF16(at + from * 2, blockAt + line * BLOCK * headDim * 4, BLOCK * headDim);
          }
          const keys = Math.min(BLOCK, count - first);
          const valuesAt = blockAt + wide * 4;
          show({ keysAt: blockAt, valuesAt, capacity: BLOCK, first, count: keys });
        }
      },
      [Symbol.dispose]: () => {},
    };
  };
}
