// Reference link: runs a reference of the host's own on the tensors that a kernel would have taken.
//
// Everything that the sandbox checks of a kernel's call is checked here too, since the kernel before it
// may never have got that far. A reference is the host's code: it runs outside the sandbox, without a
// deadline, on the caller's own tensors, and what it throws becomes a Failure.

import { Failure, type Reference, type TensorView, viewOf } from "../base/mod.ts";
import { type ParamField, paramsLayout, type ParamsLayout, writeParams } from "../layout/mod.ts";
import type { KernelEntry } from "../pack/mod.ts";
import { checkTensor, type TensorValue, type ValueRequest } from "./by-value.ts";
import { newRecord } from "./record.ts";
import { type Dims, ShapePlan } from "./shapes.ts";
import { codeError } from "./trap.ts";

export class ReferenceLink {
  readonly kind = "reference";
  readonly id: string;
  readonly #reference: Reference;
  readonly #shapes: ShapePlan;
  readonly #params: ParamsLayout;

  /** `entry` is the kernel's that the reference stands in for. */
  constructor(id: string, reference: Reference, entry: KernelEntry) {
    this.id = id;
    this.#reference = reference;
    this.#shapes = new ShapePlan(entry);
    this.#params = paramsLayout(entry);
  }

  /** Fails with REFERENCE_FAILED where the reference throws or returns no code, KERNEL_CODE where it does. */
  run({ inputs, params = {}, dims }: ValueRequest): Readonly<Record<string, TensorValue>> {
    const shapes = this.#shapes.bind(inputs, dims);
    const given = newRecord<TensorView>();
    for (const tensor of shapes.inputs) {
      given[tensor.name] = inputs[tensor.name]!.data;
      checkTensor(tensor, given[tensor.name]!);
    }
    const views = newRecord<TensorView>();
    const outputs = newRecord<TensorValue>();
    for (const { name, dtype, shape, bytes } of shapes.outputs) {
      const data = viewOf(dtype, new ArrayBuffer(bytes), 0, bytes);
      views[name] = data;
      outputs[name] = { shape, data };
    }
    const values = paramValues(this.#params, params, shapes.dims);
    const code = this.#call({ inputs: given, outputs: views, params: values, dims: shapes.dims });
    if (code !== 0) throw codeError(this.id, code);
    return outputs;
  }

  #call(call: Parameters<Reference>[0]): number {
    let code: unknown;
    try {
      code = this.#reference(call);
    } catch (cause) {
      throw referenceFailed(this.id, cause instanceof Error ? cause.message : String(cause), cause);
    }
    if (typeof code === "number") return code;
    throw referenceFailed(this.id, `it returned ${typeof code}`);
  }
}

/** Params as the kernel's block would hold them: every check of `writeParams`, and f32 rounded. */
function paramValues(
  layout: ParamsLayout,
  given: Readonly<Record<string, unknown>>,
  dims: Dims,
): Readonly<Record<string, number | bigint>> {
  const block = new DataView(new ArrayBuffer(layout.bytes));
  writeParams(block, 0, layout, given, dims);
  const values = newRecord<number | bigint>();
  for (const field of layout.params) values[field.name] = read(block, field);
  return values;
}

function read(block: DataView, { type, at }: ParamField): number | bigint {
  switch (type) {
    case "f32":
      return block.getFloat32(at, true);
    case "f64":
      return block.getFloat64(at, true);
    case "i32":
      return block.getInt32(at, true);
    case "u32":
    case "bool":
      return block.getUint32(at, true);
    case "i64":
      return block.getBigInt64(at, true);
    case "u64":
      return block.getBigUint64(at, true);
    default:
      return type satisfies never;
  }
}

function referenceFailed(id: string, found: string, cause?: unknown): Failure {
  const facts = {
    at: `reference "${id}"`,
    found,
    expected: "a reference that returns a code and throws nothing",
    fix: "Mend the reference, which is this host's own code.",
  };
  return new Failure("REFERENCE_FAILED", facts, cause === undefined ? {} : { cause });
}
