// Trap messages: how each JavaScript engine words a trap, since none of them gives a trap code.
//
// V8's table is proved by running one module per class (trap.test.ts); the other two hold the texts
// that those engines publish. A message that is not listed is still a trap, of class "other".
// Where an engine uses one text for several classes, the likeliest class of a compute kernel is named.

export type Engine = "v8" | "spidermonkey" | "jsc";

/** The class of a trap, after the trap codes of wasmtime where it has one. */
export type TrapName =
  | "unreachable"
  | "memory-out-of-bounds"
  | "data-segment-out-of-bounds"
  | "table-out-of-bounds"
  | "element-segment-out-of-bounds"
  | "indirect-call-mismatch"
  | "indirect-call-to-null"
  | "integer-divide-by-zero"
  | "integer-overflow"
  | "bad-conversion-to-integer"
  | "stack-overflow"
  | "heap-misaligned"
  | "atomic-wait-not-allowed"
  | "null-reference"
  | "cast-failure"
  | "array-out-of-bounds"
  | "allocation-too-large"
  | "exception" // WebAssembly's own, thrown and not caught.
  | "deadline" // These two are ours: an injected check stopped the kernel.
  | "fuel"
  | "code" // Not a trap: the entry point returned a code other than 0.
  | "other";

type Table = Readonly<Record<string, TrapName>>;

const V8: Table = {
  unreachable: "unreachable",
  "memory access out of bounds": "memory-out-of-bounds",
  "data segment out of bounds": "data-segment-out-of-bounds",
  "table index is out of bounds": "table-out-of-bounds",
  "element segment out of bounds": "element-segment-out-of-bounds",
  "null function or function signature mismatch": "indirect-call-mismatch",
  "function signature mismatch": "indirect-call-mismatch", // From V8 14 the two are told apart.
  "null function": "indirect-call-to-null",
  "divide by zero": "integer-divide-by-zero",
  "remainder by zero": "integer-divide-by-zero",
  "divide result unrepresentable": "integer-overflow",
  "float unrepresentable in integer range": "bad-conversion-to-integer",
  "operation does not support unaligned accesses": "heap-misaligned",
  "Atomics.wait cannot be called in this context": "atomic-wait-not-allowed",
  "dereferencing a null pointer": "null-reference",
  "rethrowing null value": "null-reference",
  "illegal cast": "cast-failure",
  "array element access out of bounds": "array-out-of-bounds",
  "requested new array is too large": "allocation-too-large",
};

const SPIDERMONKEY: Table = {
  "unreachable executed": "unreachable",
  "index out of bounds": "memory-out-of-bounds", // Also bulk operations on tables, and arrays.
  "table index out of bounds": "table-out-of-bounds",
  "indirect call signature mismatch": "indirect-call-mismatch",
  "indirect call to null": "indirect-call-to-null",
  "integer divide by zero": "integer-divide-by-zero",
  "integer overflow": "integer-overflow",
  "invalid conversion to integer": "bad-conversion-to-integer",
  "too much recursion": "stack-overflow",
  "unaligned memory access": "heap-misaligned",
  "atomic wait on non-shared memory": "atomic-wait-not-allowed",
  "dereferencing null pointer": "null-reference",
  "bad cast": "cast-failure",
  "too many array elements": "allocation-too-large",
  "use of dropped data segment": "data-segment-out-of-bounds",
  "use of dropped element segment": "element-segment-out-of-bounds",
};

const JSC: Table = {
  "Unreachable code should not be executed": "unreachable",
  "Out of bounds memory access": "memory-out-of-bounds", // Also an atomic wait that is refused.
  "Offset + array length would exceed the size of a data segment": "data-segment-out-of-bounds",
  "Out of bounds or failed to allocate in array.new_data": "data-segment-out-of-bounds",
  "Out of bounds array.init_data": "data-segment-out-of-bounds",
  "Out of bounds table access": "table-out-of-bounds",
  "Out of bounds call_indirect": "table-out-of-bounds",
  "Element is trying to set an out of bounds table index": "table-out-of-bounds",
  "Offset + array length would exceed the length of an element segment":
    "element-segment-out-of-bounds",
  "Out of bounds or failed to allocate in array.new_elem": "element-segment-out-of-bounds",
  "Out of bounds array.init_elem": "element-segment-out-of-bounds",
  "call_indirect to a signature that does not match": "indirect-call-mismatch", // Also to null.
  "call_indirect to a null table entry": "indirect-call-to-null",
  "Division by zero": "integer-divide-by-zero",
  "Integer overflow": "integer-overflow",
  "Out of bounds Trunc operation": "bad-conversion-to-integer",
  "Stack overflow": "stack-overflow",
  "Unaligned memory access": "heap-misaligned",
  "access to a null reference": "null-reference",
  "call_ref to a null reference": "null-reference",
  "throw_ref on a null reference": "null-reference",
  "ref.as_non_null to a null reference": "null-reference",
  "i31.get_<sx> to a null reference": "null-reference",
  "struct.get to a null reference": "null-reference",
  "struct.set to a null reference": "null-reference",
  "array.get to a null reference": "null-reference",
  "array.set to a null reference": "null-reference",
  "array.len to a null reference": "null-reference",
  "array.fill to a null reference": "null-reference",
  "array.copy to a null reference": "null-reference",
  "array.init_elem to a null reference": "null-reference",
  "array.init_data to a null reference": "null-reference",
  "ref.cast failed to cast reference to target heap type": "cast-failure",
  "Out of bounds array.get": "array-out-of-bounds",
  "Out of bounds array.set": "array-out-of-bounds",
  "Out of bounds array.fill": "array-out-of-bounds",
  "Out of bounds array.copy": "array-out-of-bounds",
  "Failed to allocate new array": "allocation-too-large",
  "Failed to allocate new struct": "allocation-too-large",
  "Out of memory": "allocation-too-large",
};

export const TRAP_MESSAGES: Readonly<Record<Engine, Table>> = {
  v8: V8,
  spidermonkey: SPIDERMONKEY,
  jsc: JSC,
};

/** The class that `engine` means by the message of a WebAssembly.RuntimeError. */
export function trapOfMessage(engine: Engine, message: string): TrapName {
  const text = plainMessage(engine, message);
  const table = TRAP_MESSAGES[engine];
  if (Object.hasOwn(table, text)) return table[text]!;
  // These carry numbers: instantiation, and SpiderMonkey's wording with an address.
  if (engine === "v8" && /^data segment \d+ is out of bounds/.test(text))
    return "data-segment-out-of-bounds";
  if (engine === "jsc" && text.startsWith("Invalid data segment initialization"))
    return "data-segment-out-of-bounds";
  if (engine === "spidermonkey" && text.startsWith("index out of bounds"))
    return "memory-out-of-bounds";
  return "other";
}

/** Whether `error` says that the engine's own stack is used up. It is no RuntimeError anywhere. */
export function isStackExhausted(error: Error): boolean {
  return error.name === "InternalError"
    ? error.message === "too much recursion" // SpiderMonkey.
    : error instanceof RangeError && /^Maximum call stack size exceeded\.?$/.test(error.message);
}

/** Which engine made `error`, by the properties that each gives to its errors and no other does. */
export function engineOf(error: Error): Engine {
  if ("columnNumber" in error) return "spidermonkey";
  if ("sourceURL" in error || "column" in error) return "jsc";
  return "v8";
}

/** V8 puts `WebAssembly.Instance(): ` before, JavaScriptCore puts ` (evaluating '...')` behind. */
function plainMessage(engine: Engine, message: string): string {
  if (engine === "v8") return message.replace(/^WebAssembly\.\w+\(\): /, "");
  if (engine === "jsc") return message.split(" (evaluating '", 1)[0]!;
  return message;
}
