// Pairs: which kernel may send to which, by id, and who wanted that.
//
// What the host wanted stays, since kernels come back under their ids. What a kernel's launch wanted goes with the
// kernel: its next launch says so again.

/** The host, where it is the one who wants something. */
export const HOST = Symbol("host");

/** A kernel, by its id, or the host. */
export type Wanting = string | typeof HOST;

export class Pairs {
  /** Who wants that one kernel sends to another one. */
  readonly #wanted = new Map<string, Map<string, Set<Wanting>>>();
  /** Those that may send to a kernel. */
  readonly #senders = new Map<string, Set<string>>();

  /** `by`: a kernel that is one of the two, or HOST. */
  add(from: string, to: string, by: Wanting): void {
    const targets = this.#wanted.get(from) ?? new Map<string, Set<Wanting>>();
    this.#wanted.set(from, targets);
    const owners = targets.get(to) ?? new Set<Wanting>();
    targets.set(to, owners.add(by));
    this.#senders.set(to, (this.#senders.get(to) ?? new Set()).add(from));
  }

  /** Those to whom a kernel may send. */
  targetsOf(id: string): readonly string[] {
    return [...(this.#wanted.get(id)?.keys() ?? [])];
  }

  /** Those that may send to a kernel. */
  sendersTo(id: string): readonly string[] {
    return [...(this.#senders.get(id) ?? [])];
  }

  /** A kernel wants nothing any more. Says which pairs nobody else wants. */
  drop(by: string): readonly (readonly [from: string, to: string])[] {
    const own = [
      ...this.targetsOf(by).map((to) => [by, to] as const),
      ...this.sendersTo(by).map((from) => [from, by] as const),
    ];
    return own.filter(([from, to]) => this.#drop(from, to, by));
  }

  #drop(from: string, to: string, by: string): boolean {
    const targets = this.#wanted.get(from);
    const owners = targets?.get(to);
    if (targets === undefined || owners?.delete(by) !== true || owners.size > 0) return false;
    targets.delete(to);
    if (targets.size === 0) this.#wanted.delete(from);
    const senders = this.#senders.get(to);
    senders?.delete(from);
    if (senders?.size === 0) this.#senders.delete(to);
    return true;
  }

  /** How many pairs there are. */
  get size(): number {
    let size = 0;
    for (const targets of this.#wanted.values()) size += targets.size;
    return size;
  }
}
