// Parked: slots that an executor set aside, in order, and where each goes on.

/** Where a slot that stopped goes on, as the oracle's `Continuation` has it. */
export interface Stop {
  readonly pc: number;
  readonly data: number;
  readonly mask: number;
}

export class Parked implements Stop {
  count = 0;
  /** Of the slot that `shift` last gave. */
  status = 0;
  pc = 0;
  data = 0;
  mask = 0;
  readonly #order: Int32Array;
  readonly #statuses: Uint8Array;
  readonly #pcs: Uint8Array;
  readonly #datas: Uint32Array;
  readonly #masks: Uint32Array;
  #first = 0;

  /** Holds every slot of a ring at once, so that it is never full. `slots` is a power of two. */
  constructor(slots: number) {
    this.#order = new Int32Array(slots);
    this.#statuses = new Uint8Array(slots);
    this.#pcs = new Uint8Array(slots);
    this.#datas = new Uint32Array(slots);
    this.#masks = new Uint32Array(slots);
  }

  push(slot: number, status: number, stop: Stop): void {
    this.#statuses[slot] = status;
    this.#pcs[slot] = stop.pc;
    this.#datas[slot] = stop.data;
    this.#masks[slot] = stop.mask;
    this.#order[(this.#first + this.count++) & (this.#order.length - 1)] = slot;
  }

  /** Takes the slot that was set aside first; `count` must not be 0. */
  shift(): number {
    const slot = this.#order[this.#first]!;
    this.#first = (this.#first + 1) & (this.#order.length - 1);
    this.count--;
    this.status = this.#statuses[slot]!;
    this.pc = this.#pcs[slot]!;
    this.data = this.#datas[slot]!;
    this.mask = this.#masks[slot]!;
    return slot;
  }
}
