// Meter: the leave to run one native kernel, and the count of what it did with it. Its numbers lie in a
// typed array, since a field that holds a fraction costs an allocation whenever it changes.

import type { BypassKind, BypassUnit } from "./rules.ts";

const CALLS = 0;
const WORK = 1;
const MS = 2;
const SINCE = 3;

/** What a meter has counted so far. */
export interface BypassUse {
  readonly kind: BypassKind;
  readonly name: string;
  readonly unit: BypassUnit;
  readonly calls: number;
  /** In `unit`. */
  readonly work: number;
  readonly ms: number;
}

export class BypassMeter {
  readonly kind: BypassKind;
  readonly name: string;
  readonly unit: BypassUnit;
  readonly #clock: () => number;
  readonly #counts = new Float64Array(4);

  constructor(of: Pick<BypassUse, "kind" | "name" | "unit">, clock: () => number) {
    this.kind = of.kind;
    this.name = of.name;
    this.unit = of.unit;
    this.#clock = clock;
  }

  /** A call begins. It counts from here, also when it throws and `end` is never reached. */
  begin(): void {
    this.#counts[CALLS]!++;
    this.#counts[SINCE] = this.#clock();
  }

  /** The call that began last is done: `work` flops or elements, by the meter's unit. */
  end(work: number): void {
    this.#counts[WORK]! += work;
    this.#counts[MS]! += this.#clock() - this.#counts[SINCE]!;
  }

  /** The counts so far. Allocates: for reports. */
  use(): BypassUse {
    const { kind, name, unit } = this;
    const [calls, work, ms] = this.#counts;
    return { kind, name, unit, calls: calls!, work: work!, ms: ms! };
  }
}
