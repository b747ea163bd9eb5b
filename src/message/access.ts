// Access: how a field is read in place and written, made once for each message.
//
// A writer is compiled from its fields, since reading properties by computed names costs ten times as much.
// Names are identifiers, checked by the schema. Where a page forbids compiling, a loop does the same.

import { Failure } from "../base/mod.ts";
import { type Field, scalarBytes, type Views } from "./field.ts";
import type { Placed, View } from "./schema.ts";

export type Writer = (views: Views, at: number, value: never) => number;

const utf8 = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true }); // A text keeps what it began with.

/** Reads a field of the view it is called on. `openAt`: where a list's elements start. */
export function getterOf(field: Field, at: number, openAt: number): (this: View) => unknown {
  const { scalar, count } = field;
  const shift = Math.log2(scalarBytes(scalar));
  switch (field.kind) {
    case "bool":
      return function () {
        return this.views.u8[this.at + at] !== 0;
      };
    case "scalar":
      return scalarGetter(scalar, at, shift);
    case "array":
      return function () {
        const from = (this.at + at) >> shift;
        return this.views[scalar].subarray(from, from + count);
      };
    case "list":
      return function () {
        const from = (this.at + openAt) >> shift;
        return this.views[scalar].subarray(from, from + this.views.u32[(this.at + at) >> 2]!);
      };
    case "text":
      return function () {
        const from = this.at + openAt;
        const end = from + this.views.u32[(this.at + at) >> 2]!;
        return decoder.decode(this.views.u8.slice(from, end)); // A decoder takes no shared memory.
      };
  }
}

/** One function for each scalar, so that each reads one kind of array. */
function scalarGetter(scalar: Field["scalar"], at: number, shift: number): (this: View) => unknown {
  switch (scalar) {
    case "f32":
      return function () {
        return this.views.f32[(this.at + at) >> 2];
      };
    case "f64":
      return function () {
        return this.views.f64[(this.at + at) >> 3];
      };
    case "i32":
      return function () {
        return this.views.i32[(this.at + at) >> 2];
      };
    case "u32":
      return function () {
        return this.views.u32[(this.at + at) >> 2];
      };
    default:
      return function () {
        return this.views[scalar][(this.at + at) >> shift];
      };
  }
}

/** Writes a value and returns its bytes. `bytes` are those of the fixed part. */
export function writerOf(fields: readonly Placed[], bytes: number): Writer {
  try {
    return compiled(fields, bytes);
  } catch {
    return loop(fields, bytes); // A page's policy forbids compiling.
  }
}

function compiled(fields: readonly Placed[], bytes: number): Writer {
  const lines = fields.map(({ name, field, at }) => {
    const { scalar } = field;
    const index = `(at + ${at}) >> ${Math.log2(scalarBytes(scalar))}`;
    if (field.kind === "scalar") return `views.${scalar}[${index}] = value.${name};`;
    if (field.kind === "bool") return `views.u8[at + ${at}] = value.${name} ? 1 : 0;`;
    return `end = put(views, at, value.${name}, ${at});`;
  });
  const rest = fields.filter(({ field }) => field.kind !== "scalar" && field.kind !== "bool");
  const put = putter(rest, bytes);
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- Of checked identifiers alone.
  const make = new Function(
    "put",
    `return (views, at, value) => { let end = ${bytes}; ${lines.join(" ")} return end; };`,
  ) as (put: unknown) => Writer;
  return make(put);
}

/** As the compiled writer. */
export function loop(fields: readonly Placed[], bytes: number): Writer {
  const put = putter(fields, bytes);
  return (views, at, value) => {
    const values = value as Readonly<Record<string, unknown>>;
    let end = bytes;
    for (const { name, field, at: offset } of fields) {
      const given = values[name];
      if (field.kind === "bool") views.u8[at + offset] = given ? 1 : 0;
      else if (field.kind !== "scalar") end = put(views, at, given, offset);
      else if (field.scalar === "u64") views.u64[(at + offset) >> 3] = given as bigint;
      else views[field.scalar][(at + offset) / scalarBytes(field.scalar)] = given as number;
    }
    return end;
  };
}

export type Reader = (views: Views, at: number) => unknown;

/** Reads a copy that shares nothing. `openAt`: where a list's elements start. */
export function readerOf(fields: readonly Placed[], openAt: number): Reader {
  const getters = fields.map(({ field, at }) => getterOf(field, at, openAt));
  const slow = (views: Views, at: number): unknown => {
    const view = { views, at };
    const values = fields.map(({ name }, i) => [name, copyOf(getters[i]!.call(view))] as const);
    return Object.fromEntries(values);
  };
  try {
    return compiledReader(fields, getters);
  } catch {
    return slow;
  }
}

function compiledReader(
  fields: readonly Placed[],
  getters: readonly ((this: View) => unknown)[],
): Reader {
  const values = fields.map(({ name, field, at }, i) => {
    const { scalar } = field;
    const index = `(at + ${at}) >> ${Math.log2(scalarBytes(scalar))}`;
    if (field.kind === "scalar") return `${name}: views.${scalar}[${index}]`;
    if (field.kind === "bool") return `${name}: views.u8[at + ${at}] !== 0`;
    return `${name}: copy(getters[${i}].call({ views, at }))`;
  });
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- Of checked identifiers alone.
  const make = new Function(
    ...["getters", "copy"],
    `return (views, at) => ({ ${values.join(", ")} });`,
  ) as (...given: unknown[]) => Reader;
  return make(getters, copyOf);
}

function copyOf(value: unknown): unknown {
  return ArrayBuffer.isView(value) ? (value as Uint8Array).slice() : value;
}

type Put = (views: Views, at: number, value: unknown, offset: number) => number;

/** Writes the arrays, lists and texts, which it knows by their offsets, and returns where the message ends. */
function putter(fields: readonly Placed[], bytes: number): Put {
  const byOffset = new Map(fields.map(({ field, at }) => [at, field]));
  return (views, at, value, offset) => {
    const field = byOffset.get(offset)!;
    const size = scalarBytes(field.scalar);
    if (field.kind === "array") {
      views[field.scalar].set(exactly(value, field) as never, (at + offset) / size);
      return bytes;
    }
    const from = Math.ceil(bytes / size) * size;
    const elements =
      field.kind === "text" ? utf8.encode(value as string) : (value as ArrayLike<never>);
    views.u32[(at + offset) >> 2] = elements.length;
    views[field.scalar].set(elements as never, (at + from) / size);
    return from + elements.length * size;
  };
}

/** A shorter value is filled up with zeros, so that nothing of the last message shows. */
function exactly(value: unknown, { count, scalar }: Field): ArrayLike<unknown> {
  const given = value as ArrayLike<number>;
  if (given.length === count) return given;
  if (given.length > count)
    throw new Failure("MESSAGE_INVALID", {
      at: `an array of ${count} ${scalar}`,
      found: `${given.length} elements`,
      expected: `at most ${count}`,
      fix: "Send fewer, or declare a list.",
    });
  const zero = scalar === "u64" ? 0n : 0;
  return Array.from({ length: count }, (_, i) => given[i] ?? zero);
}
