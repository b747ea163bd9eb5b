// Tenants: who may publish to a ring, what their slots may do, and how many they may have in flight.
//
// One registry for each ring, on the thread that publishes for the tenants. What is in flight is what was
// published here less what the ring's executors counted as settled: nobody has to report it. Until an id
// is registered, and once it is revoked, its mask is 0, and executors refuse its slots.

import { Failure } from "../base/mod.ts";
import { BELLS, CONTROL, type OpcodeClass, SLOT, SLOT_WORDS } from "../layout/mod.ts";
import { maskOf } from "./rights.ts";
import type { OfferOptions, Ring } from "./ring.ts";
import type { KeepAlive } from "./waits.ts";

const TENANT_AT = SLOT.fields.tenant.at / 4;
const MASKS = CONTROL.fields.tenant_masks.at / 4;
const QUOTAS = CONTROL.fields.quotas.at / 4;
const WORD_MAX = 0xffff_ffff;
/** How often `quiesce` looks at its deadline and its signal. */
const LOOK_MS = 20;

/** All that a tenant needs for work in its own window. */
export const USER_CLASSES = [
  "NOP_AND_FENCE",
  "CONTROL_READ",
  "CONTROL_WRITE",
  "MEMCPY",
  "DFA",
  "PRINTF",
  "CUSTOM",
  "KERNEL",
] as const satisfies readonly OpcodeClass[];

export interface TenantOptions {
  /** For messages and metrics. */
  readonly label: string;
  /** Opcode classes that its slots may use: `USER_CLASSES`, which leave out SYSTEM and SHUTDOWN. */
  readonly classes?: readonly OpcodeClass[];
  /** Slots that it may run until the next `refill`; 4294967295 when left out. */
  readonly quota?: number;
  /** Slots that it may have in flight; as many as the ring holds when left out. */
  readonly outstandingMax?: number;
}

export interface QuiesceOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface TenantCounters {
  readonly published: number;
  readonly settled: number;
  readonly outstanding: number;
  /** Offers that the cap, or a full ring, refused. */
  readonly refused: number;
  readonly quiesces: number;
  readonly timeouts: number;
}

/** What the registry needs from its platform. */
export interface TenantsHost {
  /** Milliseconds that never step back. */
  readonly now: () => number;
  readonly keepAlive: KeepAlive;
}

export class Tenants {
  readonly #ring: Ring;
  readonly #host: TenantsHost;
  readonly #byId: (Tenant | undefined)[];

  /** Takes over every tenant id of the ring: those of slots that are published past it have no rights. */
  constructor(ring: Ring, host: TenantsHost) {
    this.#ring = ring;
    this.#host = host;
    this.#byId = Array.from({ length: ring.geometry.tenants }, () => undefined);
    for (let id = 0; id < this.#byId.length; id++) setControl(ring, MASKS + id, 0);
  }

  /** Gives the lowest free id. One that was revoked is free once its slots have settled. */
  register(options: TenantOptions): Tenant {
    const { quota = WORD_MAX, outstandingMax = this.#ring.geometry.slots } = options;
    checkWord("quota", quota, 0);
    checkWord("outstandingMax", outstandingMax, 1);
    const id = this.#byId.findIndex(
      (tenant) => tenant === undefined || (tenant.revoked && tenant.counters.outstanding === 0),
    );
    if (id < 0) throw full(this.#byId.length, options.label);
    const tenant = new Tenant(this.#ring, this.#host, { ...options, id, outstandingMax });
    this.#byId[id] = tenant;
    setControl(this.#ring, QUOTAS + id, quota);
    setControl(this.#ring, MASKS + id, maskOf(options.classes ?? USER_CLASSES));
    return tenant;
  }

  /** Who has the id; undefined for one that nobody has. */
  get(id: number): Tenant | undefined {
    return this.#byId[id];
  }

  /** Those who are registered and not revoked, by id. */
  list(): readonly Tenant[] {
    return this.#byId.filter((tenant): tenant is Tenant => tenant?.revoked === false);
  }
}

export class Tenant {
  readonly id: number;
  readonly label: string;
  readonly outstandingMax: number;
  readonly #ring: Ring;
  readonly #host: TenantsHost;
  readonly #doneAt: number;
  /** The word of settled slots when the id was given. */
  readonly #doneBefore: number;
  #published = 0;
  #refused = 0;
  #quiesces = 0;
  #timeouts = 0;
  #revoked = false;

  /** Made by `Tenants.register()`. */
  constructor(
    ring: Ring,
    host: TenantsHost,
    { id, label, outstandingMax }: { id: number; label: string; outstandingMax: number },
  ) {
    this.id = id;
    this.label = label;
    this.outstandingMax = outstandingMax;
    this.#ring = ring;
    this.#host = host;
    this.#doneAt = (ring.geometry.bellsAt + BELLS.fields.tenant_done.at) / 4 + id;
    this.#doneBefore = Atomics.load(ring.words, this.#doneAt);
  }

  get revoked(): boolean {
    return this.#revoked;
  }

  /** Counted since the id was given, each modulo 2^32. */
  get counters(): TenantCounters {
    const settled = (Atomics.load(this.#ring.words, this.#doneAt) - this.#doneBefore) >>> 0;
    const published = this.#published >>> 0;
    return {
      ...{ published, settled, outstanding: (published - settled) >>> 0 },
      ...{ refused: this.#refused, quiesces: this.#quiesces, timeouts: this.#timeouts },
    };
  }

  /**
   * As `Ring.offer`, in this tenant's name whatever the words say. -1 also when it would have more in
   * flight than its cap. Fails with TENANT_REVOKED, and publishes nothing then.
   */
  offer(words: Int32Array, count = 1, options?: OfferOptions): number {
    if (this.#revoked) throw revoked(this);
    for (let item = 0; item < count; item++) words[item * SLOT_WORDS + TENANT_AT] = this.id;
    const fits = this.counters.outstanding + count <= this.outstandingMax;
    const slot = fits ? this.#ring.offer(words, count, options) : -1;
    if (slot < 0) this.#refused++;
    else this.#published = (this.#published + count) | 0;
    return slot;
  }

  /** Sets the slots that it may still run. */
  refill(quota: number): void {
    checkWord("quota", quota, 0);
    if (this.#revoked) throw revoked(this);
    setControl(this.#ring, QUOTAS + this.id, quota);
  }

  /**
   * Ends its rights at once, on the device too: slots that have not begun fail with UNAUTHORISED, and
   * those that have go on. Doing it again changes nothing.
   */
  revoke(): void {
    if (this.#revoked) return;
    this.#revoked = true;
    setControl(this.#ring, MASKS + this.id, 0);
  }

  /**
   * Resolves once nothing of it is in flight. Fails with QUIESCE_TIMEOUT after `timeoutMs`, which leaves
   * everything as it is, or with the signal's reason.
   */
  async quiesce({ timeoutMs, signal }: QuiesceOptions): Promise<void> {
    const { now, keepAlive } = this.#host;
    const deadline = now() + timeoutMs;
    const quiet = { holds: () => this.counters.outstanding === 0 };
    this.#quiesces++;
    for (;;) {
      signal?.throwIfAborted();
      const left = deadline - now();
      if (quiet.holds()) return;
      if (!(left > 0)) throw this.#timedOut(timeoutMs);
      await this.#ring.done.waitAsync(quiet, Math.min(left, LOOK_MS), keepAlive);
    }
  }

  #timedOut(timeoutMs: number): Failure {
    this.#timeouts++;
    return new Failure("QUIESCE_TIMEOUT", {
      at: `tenant ${this.label}`,
      found: `${this.counters.outstanding} slots in flight after ${timeoutMs} ms`,
      expected: "none",
      fix: "Wait longer, or sweep the executors that have died.",
    });
  }
}

function setControl({ words, geometry }: Ring, index: number, value: number): void {
  Atomics.store(words, geometry.controlAt / 4 + index, value | 0);
}

function checkWord(at: string, value: number, least: number): void {
  if (value >>> 0 === value && value >= least) return;
  const fix = "Give a whole number in that range.";
  const expected = `${least} to ${WORD_MAX}`;
  throw new Failure("RING_INVALID", { at, found: String(value), expected, fix });
}

function full(tenants: number, label: string): Failure {
  return new Failure("TENANTS_FULL", {
    at: `tenant ${label}`,
    found: `${tenants} ids, all taken`,
    expected: "one that is free",
    fix: "Revoke a tenant and let it quiesce, or make the ring with more tenants, up to 29.",
  });
}

function revoked({ label }: Tenant): Failure {
  return new Failure("TENANT_REVOKED", {
    at: `tenant ${label}`,
    found: "a revoked tenant",
    expected: "one that is registered",
    fix: "Register it again.",
  });
}
