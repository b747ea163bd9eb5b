// Quotas: what each tenant has of what it may have.

import { Failure } from "../base/mod.ts";
import type { TenantQuota } from "./options.ts";
import { RateLimit } from "./rate-limit.ts";

export class Quotas {
  readonly #quotas: Readonly<Record<number, TenantQuota>>;
  readonly #rates: ReadonlyMap<number, RateLimit>;
  readonly #kernels = new Map<number, number>();
  readonly #bytes = new Map<number, number>();

  constructor(quotas: Readonly<Record<number, TenantQuota>>, now: () => number) {
    this.#quotas = quotas;
    const rates = Object.entries(quotas).flatMap(([tenant, { rate }]) =>
      rate === undefined ? [] : [[Number(tenant), new RateLimit({ ...rate, now })] as const],
    );
    this.#rates = new Map(rates);
  }

  /** What limits the messages of all its kernels together. */
  rateOf(tenant: number): RateLimit | undefined {
    return this.#rates.get(tenant);
  }

  /** Takes room for a kernel whose queues have so many bytes. Fails with TENANT_QUOTA. */
  take(tenant: number, bytes: number): void {
    const { kernels = Infinity, queueBytes = Infinity } = this.#quotas[tenant] ?? {};
    const [has, holds] = [this.#kernels.get(tenant) ?? 0, this.#bytes.get(tenant) ?? 0];
    if (has + 1 > kernels) throw beyond(tenant, `${has + 1} kernels`, `${kernels} at most`);
    if (holds + bytes > queueBytes)
      throw beyond(tenant, `queues of ${holds + bytes} bytes`, `${queueBytes} at most`);
    this.#kernels.set(tenant, has + 1);
    this.#bytes.set(tenant, holds + bytes);
  }

  leave(tenant: number, bytes: number): void {
    this.#kernels.set(tenant, this.#kernels.get(tenant)! - 1);
    this.#bytes.set(tenant, this.#bytes.get(tenant)! - bytes);
  }
}

function beyond(tenant: number, found: string, expected: string): Failure {
  const fix = "Terminate a kernel of the tenant, launch with smaller queues, or raise its quota.";
  return new Failure("TENANT_QUOTA", { at: `tenant ${tenant}`, found, expected, fix });
}
