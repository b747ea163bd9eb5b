// Kernel: a loaded kernel, to be called in one of three ways, from quickest to most convenient.
//
//   lease.prepare(...).run()   shapes fixed, tensors in place; many calls share one instance
//   kernel.prepare(...).run()  the same with an instance of its own
//   kernel.call(...)           everything each time: copies tensors in, runs, copies results out

import { Failure, type TensorView } from "../base/mod.ts";
import { writeParams } from "../layout/mod.ts";
import type { KernelEntry } from "../pack/mod.ts";
import { type CallSetup, type CallShapes, holds, PreparedCall } from "./call.ts";
import { type BudgetRequest, budgetOf, type KernelContext, requireHealth } from "./context.ts";
import { checkDescriptor, writeDescriptor } from "./descriptor.ts";
import type { KernelInfo } from "./info.ts";
import type { KernelInstance } from "./instance.ts";
import { Lease } from "./lease.ts";
import type { InstancePool, PoolCounts } from "./pool.ts";
import { newRecord } from "./record.ts";
import { ARENA_ALIGN, place } from "./regions.ts";
import type { BoundTensor, Dims } from "./shapes.ts";

export interface TenantChoice {
  /** Whose data the call handles. Instances never pass from one tenant to another uncleaned. */
  readonly tenant?: string | undefined;
}

/** A tensor by value, as `call` takes and returns it. */
export interface TensorValue {
  readonly shape: readonly number[];
  readonly data: TensorView;
}

export interface CallRequest extends BudgetRequest, TenantChoice {
  readonly inputs: Readonly<Record<string, TensorValue>>;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly dims?: Dims | undefined;
}

const NO_PARAMS: Readonly<Record<string, unknown>> = {};
const ONLY_TENANT = "";

export class Kernel {
  /** The kernel's entry in its pack's manifest. */
  readonly entry: KernelEntry;
  readonly #context: KernelContext;
  readonly #pool: InstancePool;

  constructor(context: KernelContext, pool: InstancePool) {
    this.entry = context.program.entry;
    this.#context = context;
    this.#pool = pool;
  }

  get id(): string {
    return this.entry.id;
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
    const lease = this.lease(setup);
    try {
      const call = lease.prepare(setup);
      return owning(call, lease);
    } catch (error) {
      lease[Symbol.dispose]();
      throw error;
    }
  }

  /** Lends an instance now. POOL_EXHAUSTED when every one is lent. */
  lease({ tenant = ONLY_TENANT }: TenantChoice = {}): Lease {
    requireHealth(this.#context.health);
    return this.#leaseOf(this.#pool.take(tenant));
  }

  /** Lends an instance, waiting in line for one; the signal takes the caller out of the line. */
  async acquire(
    choice: TenantChoice & { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Lease> {
    requireHealth(this.#context.health);
    return this.#leaseOf(await this.#pool.acquire(choice.tenant ?? ONLY_TENANT, choice.signal));
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
    requireHealth(this.#context.health);
    const instance = this.#pool.take(request.tenant ?? ONLY_TENANT);
    const mark = instance.arena.mark();
    try {
      return this.#callOn(instance, request);
    } finally {
      instance.arena.release(mark);
      this.#pool.release(instance);
    }
  }

  #callOn(instance: KernelInstance, request: CallRequest): Record<string, TensorValue> {
    const { program } = this.#context;
    const { params, shapes: plan } = program;
    const shapes = plan.bind(request.inputs, request.dims);
    const words = instance.descriptor;
    const { paramsAt, descriptorAt, inputsAt, outputsAt } = place(
      instance.arena,
      words,
      shapes,
      params.bytes,
    );
    writeParams(instance.view, paramsAt, params, request.params ?? NO_PARAMS, shapes.dims);
    checkDescriptor(words, instance.memoryBytes, descriptorAt, ARENA_ALIGN);
    writeDescriptor(instance.words, descriptorAt, words);
    for (let i = 0; i < inputsAt.length; i++)
      copyIn(instance, shapes.inputs[i]!, inputsAt[i]!, request.inputs);
    instance.initialise(paramsAt, params.bytes);
    instance.forward(descriptorAt, budgetOf(this.#context, request), words);
    const outputs = newRecord<TensorValue>();
    for (let i = 0; i < outputsAt.length; i++) {
      const output = shapes.outputs[i]!;
      outputs[output.name] = {
        shape: output.shape,
        data: copyOut(instance, output, outputsAt[i]!),
      };
    }
    return outputs;
  }

  #leaseOf(instance: KernelInstance): Lease {
    return new Lease(this.#context, instance, (returned) => this.#pool.release(returned));
  }
}

/** Ties the lease's life to the call's: disposing the call gives the instance back. */
function owning<Inputs extends CallShapes>(
  call: PreparedCall<Inputs>,
  lease: Lease,
): PreparedCall<Inputs> {
  call.onDispose(() => lease[Symbol.dispose]());
  return call;
}

function copyIn(
  instance: KernelInstance,
  tensor: BoundTensor,
  at: number,
  inputs: Readonly<Record<string, TensorValue>>,
): void {
  const { data } = inputs[tensor.name]!;
  if (!holds(tensor.dtype, data)) throw wrongType(tensor, data);
  if (data.byteLength !== tensor.bytes) throw wrongLength(tensor, data);
  instance.whole(tensor.dtype).set(data as never, at / data.BYTES_PER_ELEMENT);
}

function copyOut(instance: KernelInstance, { dtype, bytes }: BoundTensor, at: number): TensorView {
  const whole = instance.whole(dtype);
  const size = whole.BYTES_PER_ELEMENT;
  return whole.slice(at / size, (at + bytes) / size);
}

function wrongType({ name, dtype }: BoundTensor, data: TensorView): Failure {
  return new Failure("DTYPE_MISMATCH", {
    at: `input "${name}"`,
    found: Object.prototype.toString.call(data).slice(8, -1),
    expected: `the typed array of ${dtype}`,
    fix: `Convert the data to ${dtype}.`,
  });
}

function wrongLength({ name, shape, bytes }: BoundTensor, data: TensorView): Failure {
  return new Failure("SHAPE_MISMATCH", {
    at: `input "${name}"`,
    found: `${data.byteLength} bytes`,
    expected: `${bytes} bytes for the shape [${shape.join(", ")}]`,
    fix: "Pass as much data as the shape says.",
  });
}
