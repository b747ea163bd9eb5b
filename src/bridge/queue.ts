// Queue: the bytes of a queue in a device's memory, and a view of them.
//
//   tail ... | head ... | slot 0 | slot 1 | ...        slot: turn, bytes, 0, 0, payload
//
// A position counts messages since the start, modulo 2^32; the slot of a position is `position & mask`. The
// producer fills slots and then moves the tail; the consumer reads them and then moves the head.

import { BRIDGE_QUEUE, BRIDGE_SLOT, BRIDGE_SLOT_ALIGN } from "../layout/mod.ts";
import type { DeviceMemory, DeviceRegion } from "./device.ts";

export interface QueueShape {
  /** Slots: a power of two. */
  readonly capacity: number;
  /** Bytes of the largest payload. */
  readonly payloadBytesMax: number;
}

export interface QueueGeometry extends QueueShape {
  /** Bytes from one slot to the next. */
  readonly slotBytes: number;
  readonly totalBytes: number;
}

/** A queue in a device's memory: what a kernel has to be told. */
export interface DeviceQueue {
  readonly region: DeviceRegion;
  readonly geometry: QueueGeometry;
}

/** Byte offsets within a queue. */
export const TAIL_AT = BRIDGE_QUEUE.fields.tail.at;
export const HEAD_AT = BRIDGE_QUEUE.fields.head.at;
const TAIL = TAIL_AT / 4;
const HEAD = HEAD_AT / 4;
const TURN = BRIDGE_SLOT.fields.turn.at / 4;
const BYTES = BRIDGE_SLOT.fields.bytes.at / 4;

export function queueGeometry({ capacity, payloadBytesMax }: QueueShape): QueueGeometry {
  const slotBytes = rounded(BRIDGE_SLOT.bytes + payloadBytesMax, BRIDGE_SLOT_ALIGN);
  return {
    capacity,
    payloadBytesMax,
    slotBytes,
    totalBytes: BRIDGE_QUEUE.bytes + capacity * slotBytes,
  };
}

/** The least multiple of `step` that is not below `bytes`. */
export function rounded(bytes: number, step: number): number {
  return Math.ceil(bytes / step) * step;
}

/** A queue's bytes wherever they lie: on the host, mapped, or on a device that is a thread. */
export class QueueView {
  readonly bytes: Uint8Array;
  readonly geometry: QueueGeometry;
  readonly #words: Int32Array;
  readonly #mask: number;

  constructor(bytes: Uint8Array, geometry: QueueGeometry) {
    this.bytes = bytes.subarray(0, geometry.totalBytes);
    this.geometry = geometry;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, geometry.totalBytes / 4);
    this.#mask = geometry.capacity - 1;
  }

  get tail(): number {
    return Atomics.load(this.#words, TAIL) >>> 0;
  }

  set tail(position: number) {
    Atomics.store(this.#words, TAIL, position | 0);
  }

  get head(): number {
    return Atomics.load(this.#words, HEAD) >>> 0;
  }

  set head(position: number) {
    Atomics.store(this.#words, HEAD, position | 0);
  }

  /** The bytes to copy for the word at `at`: no device copies less than its step. */
  word(at: number, { capabilities }: DeviceMemory): Uint8Array {
    return this.bytes.subarray(at, at + Math.max(4, capabilities.copyAlignBytes));
  }

  /** Byte offset of the slot of a position. */
  slotAt(position: number): number {
    return BRIDGE_QUEUE.bytes + (position & this.#mask) * this.geometry.slotBytes;
  }

  /** Fills the slot of a position. */
  write(position: number, payload: Uint8Array): void {
    const at = this.slotAt(position);
    this.#words[at / 4 + TURN] = (position + 1) | 0;
    this.#words[at / 4 + BYTES] = payload.length;
    this.bytes.set(payload, at + BRIDGE_SLOT.bytes);
  }

  /** Bytes of the payload at a position; -1: the slot does not hold that message. Words may hold anything. */
  payloadBytes(position: number): number {
    const word = this.slotAt(position) / 4;
    const bytes = this.#words[word + BYTES]! >>> 0;
    const isOwn = this.#words[word + TURN] === ((position + 1) | 0);
    return isOwn && bytes <= this.geometry.payloadBytesMax ? bytes : -1;
  }

  /** The first `bytes` bytes of the payload at a position, in place. */
  payload(position: number, bytes: number): Uint8Array {
    const at = this.slotAt(position) + BRIDGE_SLOT.bytes;
    return this.bytes.subarray(at, at + bytes);
  }

  /** Bytes of a slot that hold something, its own words with them. */
  usedBytes(position: number): number {
    return BRIDGE_SLOT.bytes + Math.max(0, this.payloadBytes(position));
  }
}
