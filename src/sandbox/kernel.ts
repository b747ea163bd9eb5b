// Kernel: a loaded kernel, to be called in one of three ways, from quickest to most convenient.
//
//   lease.prepare(...).run()   shapes fixed, tensors in place; many calls share one instance
//   kernel.prepare(...).run()  the same with an instance of its own
//   kernel.call(...)           everything each time: copies tensors in, runs, copies results out
//
// Each of them has a twin for the kernel's gradients (`prepareBackward`, `backward`), and one that runs
// many requests by one call (`prepareBatch`, `callBatch`).

import type { KernelEntry } from "../pack/mod.ts";
import type { BatchSetup, PreparedBatch } from "./batch.ts";
import { BatchByValue, type BatchValueRequest } from "./batch-by-value.ts";
import { ByValue, type TensorValue, type ValueRequest } from "./by-value.ts";
import type { CallSetup, CallShapes, PreparedCall } from "./call.ts";
import { type KernelContext, requireHealth } from "./context.ts";
import type { KernelInfo } from "./info.ts";
import type { KernelInstance } from "./instance.ts";
import { Lease } from "./lease.ts";
import type { InstancePool, PoolCounts } from "./pool.ts";

export interface TenantChoice {
  /** Whose data the call handles. Instances never pass from one tenant to another uncleaned. */
  readonly tenant?: string | undefined;
}

export interface CallRequest extends ValueRequest, TenantChoice {}
export interface BatchRequest extends BatchValueRequest, TenantChoice {}

const ONLY_TENANT = "";

export class Kernel {
  /** The kernel's entry in its pack's manifest. */
  readonly entry: KernelEntry;
  readonly #context: KernelContext;
  readonly #pool: InstancePool;
  readonly #byValue: ByValue;
  readonly #backward: ByValue;
  readonly #batch: BatchByValue;

  constructor(context: KernelContext, pool: InstancePool) {
    this.entry = context.program.entry;
    this.#context = context;
    this.#pool = pool;
    this.#byValue = new ByValue(context, "forward");
    this.#backward = new ByValue(context, "backward");
    this.#batch = new BatchByValue(context);
  }

  get id(): string {
    return this.entry.id;
  }

  /** Which of the kernel's modules runs: `baseline`, or the id of a variant. */
  get variant(): string {
    return this.#context.program.variant;
  }

  /** How many ticks a call may use that asks for none. */
  get budgetTicks(): number {
    return this.#context.budget.ticks;
  }

  /** The pool's counts. */
  counts(): PoolCounts {
    return this.#pool.counts();
  }

  /** Prepares a call with an instance of its own. POOL_EXHAUSTED when every instance is lent. */
  prepare<const Inputs extends CallShapes>(
    setup: CallSetup<Inputs> & TenantChoice,
  ): PreparedCall<Inputs> {
    return this.#alone(setup, (lease) => lease.prepare(setup));
  }

  /** The same for the kernel's gradients, as `Lease.prepareBackward` has it. */
  prepareBackward<const Inputs extends CallShapes>(
    setup: CallSetup<Inputs> & TenantChoice,
  ): PreparedCall<Inputs> {
    return this.#alone(setup, (lease) => lease.prepareBackward(setup));
  }

  /** Many requests, prepared with an instance of their own, as `Lease.prepareBatch` has them. */
  prepareBatch<const Inputs extends CallShapes>(
    setup: BatchSetup<Inputs> & TenantChoice,
  ): PreparedBatch<Inputs> {
    return this.#alone(setup, (lease) => lease.prepareBatch(setup));
  }

  /** Lends an instance now. POOL_EXHAUSTED when every one is lent. */
  lease({ tenant = ONLY_TENANT }: TenantChoice = {}): Lease {
    return this.#take(tenant, false);
  }

  /** Lends an instance, waiting in line for one; the signal takes the caller out of the line. */
  async acquire(
    choice: TenantChoice & { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Lease> {
    requireHealth(this.#context.health);
    const instance = await this.#pool.acquire(choice.tenant ?? ONLY_TENANT, choice.signal);
    return this.#leaseOf(instance, false);
  }

  /** What the kernel says of itself. */
  info(): KernelInfo {
    using lease = this.lease();
    return lease.info();
  }

  /**
   * Runs the kernel once on tensors by value and returns its outputs by value. Slower than a prepared
   * call by the copies and about half a microsecond.
   */
  call(request: CallRequest): Readonly<Record<string, TensorValue>> {
    return this.#lent(request, (instance) => this.#byValue.run(instance, request));
  }

  /**
   * Runs the kernel once for each request, with one call for all, and returns their outputs in order:
   * the same bits as `call` for each. Where one fails, the KernelError names it as `request` and there
   * are no outputs. Every request lies in the kernel's memory at once.
   */
  callBatch(batch: BatchRequest): readonly Readonly<Record<string, TensorValue>>[] {
    return this.#lent(batch, (instance) => this.#batch.run(instance, batch));
  }

  /** The kernel's gradients by value, named as `Lease.prepareBackward` has them. */
  backward(request: CallRequest): Readonly<Record<string, TensorValue>> {
    return this.#lent(request, (instance) => this.#backward.run(instance, request));
  }

  /** Runs `use` with an instance that is taken for it, and takes back what it placed. */
  #lent<Result>(
    { tenant = ONLY_TENANT }: TenantChoice,
    use: (instance: KernelInstance) => Result,
  ): Result {
    requireHealth(this.#context.health);
    const instance = this.#pool.take(tenant);
    const mark = instance.arena.mark();
    try {
      return use(instance);
    } finally {
      instance.arena.release(mark);
      this.#pool.release(instance);
    }
  }

  /** What `prepare` prepares in a lease that ends with it. */
  #alone<Call>({ tenant = ONLY_TENANT }: TenantChoice, prepare: (lease: Lease) => Call): Call {
    const lease = this.#take(tenant, true);
    try {
      return prepare(lease);
    } catch (error) {
      lease[Symbol.dispose]();
      throw error;
    }
  }

  #take(tenant: string, endsWithCalls: boolean): Lease {
    requireHealth(this.#context.health);
    return this.#leaseOf(this.#pool.take(tenant), endsWithCalls);
  }

  #leaseOf(instance: KernelInstance, endsWithCalls: boolean): Lease {
    const giveBack = (returned: KernelInstance): void => this.#pool.release(returned);
    return new Lease(this.#context, instance, { giveBack, endsWithCalls });
  }
}
