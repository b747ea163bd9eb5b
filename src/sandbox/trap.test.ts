import { expect, test } from "vitest";
import { assemble, nameFunction, TRAP_MODULES } from "./trap.fixture.ts";
import {
  classifyTrap,
  codeError,
  type Engine,
  engineOf,
  INTERRUPTED,
  KernelError,
  type TrapContext,
  trapError,
} from "./trap.ts";
import { innermostFrame } from "./trap-frame.ts";
import { TRAP_MESSAGES, trapOfMessage } from "./trap-messages.ts";

const CONTEXT: TrapContext = { kernel: "rope_f32", engine: "v8", interrupted: INTERRUPTED.none };

/** What instantiating `bytes` and calling its `f` throws. */
function thrownBy(bytes: Uint8Array<ArrayBuffer>): unknown {
  try {
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module, {});
    (exports["f"] as () => void)();
  } catch (error) {
    return error;
  }
  throw new Error("the module did not trap");
}

test.each(TRAP_MODULES)("classifyTrap() knows V8's $trap by running: $what", async (module) => {
  const error = thrownBy(await assemble(module));
  expect(classifyTrap(error, "v8", INTERRUPTED.none)?.trap).toBe(module.trap);
});

test("every class of V8's table is proved by a module or belongs to a newer V8", () => {
  const proved = new Set(TRAP_MODULES.map(({ trap }) => trap));
  const listed = new Set(Object.values(TRAP_MESSAGES.v8));
  expect([...listed].filter((trap) => !proved.has(trap))).toEqual(["indirect-call-to-null"]);
});

test.each([
  ["memory-out-of-bounds", "MemoryAccessViolation", "KERNEL_MEMORY"],
  ["data-segment-out-of-bounds", "MemoryAccessViolation", "KERNEL_MEMORY"],
  ["integer-overflow", "IntegerOverflow", "KERNEL_ARITHMETIC"],
  ["bad-conversion-to-integer", "IntegerOverflow", "KERNEL_ARITHMETIC"],
  ["integer-divide-by-zero", "IntegerOverflow", "KERNEL_ARITHMETIC"],
  ["unreachable", "Unreachable", "KERNEL_UNREACHABLE"],
  ["stack-overflow", "StackOverflow", "KERNEL_STACK"],
  ["indirect-call-mismatch", "IndirectCallTypeMismatch", "KERNEL_INDIRECT_CALL"],
  ["table-out-of-bounds", "IndirectCallTypeMismatch", "KERNEL_INDIRECT_CALL"],
  ["heap-misaligned", "KernelTrap", "KERNEL_TRAP"],
  ["atomic-wait-not-allowed", "KernelTrap", "KERNEL_TRAP"],
  ["null-reference", "KernelTrap", "KERNEL_TRAP"],
  ["exception", "KernelTrap", "KERNEL_TRAP"],
])("trapError() makes %s a %s", async (trap, kind, code) => {
  const module = TRAP_MODULES.find((module) => module.trap === trap)!;
  const error = trapError(thrownBy(await assemble(module)), CONTEXT);
  expect(error).toMatchObject({ kind, code, trap, kernel: "rope_f32" });
});

const unreachable = await assemble({ text: '(func $boom (export "f") nop unreachable)' });

test("trapError() names kernel, function, the author's byte and the memory of the call", () => {
  const error = trapError(thrownBy(unreachable), {
    ...CONTEXT,
    offsets: { toOriginal: (offset) => offset - 0x10 },
    functionName: (index) => `author's ${index}`,
    descriptor: {
      inputA: [16, 32],
      inputB: [0, 0],
      output: [0, 0],
      scratch: [0, 0],
      params: [0, 0],
    },
  })!;
  expect(error).toBeInstanceOf(KernelError);
  expect(error.functionIndex).toBe(0);
  expect(error.functionName).toBe("author's 0");
  const body = unreachable.lastIndexOf(0x00, unreachable.indexOf(0x0b, 0x1d));
  expect(error.offset).toBe(body - 0x10);
  expect(error.at).toBe(
    `kernel "rope_f32", function 0 "author's 0", byte 0x${error.offset!.toString(16)}`,
  );
  expect(error.toJSON()["detail"]).toMatchObject({
    kind: "Unreachable",
    kernel: "rope_f32",
    descriptor: { inputA: [16, 32] },
  });
  expect(error.cause).toBeInstanceOf(WebAssembly.RuntimeError);
});

test("trapError() takes the innermost of several frames, and its name from the module", async () => {
  const bytes = await assemble({
    text: '(func $outer (export "f") (call $inner)) (func $inner unreachable)',
  });
  const error = trapError(thrownBy(bytes), CONTEXT)!;
  expect([error.functionIndex, error.functionName]).toEqual([1, "inner"]);
});

test.each([
  [INTERRUPTED.deadline, "EpochDeadline", "KERNEL_DEADLINE", "deadline"],
  [INTERRUPTED.stack, "StackOverflow", "KERNEL_STACK", "stack-overflow"],
  [INTERRUPTED.fuel, "KernelTrap", "KERNEL_FUEL", "fuel"],
  [INTERRUPTED.none, "Unreachable", "KERNEL_UNREACHABLE", "unreachable"],
] as const)("an unreachable with interrupted %d is %s", (interrupted, kind, code, trap) => {
  const error = trapError(thrownBy(unreachable), { ...CONTEXT, interrupted });
  expect(error).toMatchObject({ kind, code, trap });
});

test("another trap stays what it is, whatever the interrupted global says", async () => {
  const module = TRAP_MODULES.find(({ trap }) => trap === "integer-divide-by-zero")!;
  const error = thrownBy(await assemble(module));
  expect(classifyTrap(error, "v8", INTERRUPTED.deadline)?.kind).toBe("IntegerOverflow");
});

test("classifyTrap() leaves the host's own errors to the host", () => {
  for (const error of [new TypeError("unreachable"), new RangeError("x"), "unreachable", null])
    expect(classifyTrap(error, "v8", INTERRUPTED.deadline)).toBeUndefined();
  expect(trapError(new WebAssembly.LinkError("unreachable"), CONTEXT)).toBeUndefined();
});

test("an unknown message of a RuntimeError is still a trap", () => {
  const error = new WebAssembly.RuntimeError("constructor");
  expect(classifyTrap(error, "v8", INTERRUPTED.none)).toEqual({
    kind: "KernelTrap",
    code: "KERNEL_TRAP",
    trap: "other",
  });
});

test("codeError() names each code of the ABI, and any other value is an internal error", () => {
  expect(codeError("k", 3)).toMatchObject({ code: "KERNEL_CODE", kind: "KernelTrap", returned: 3 });
  expect(codeError("k", 3).found).toMatch(/^INVALID_PARAMS \(3\)/);
  for (const returned of [7, -1, 2 ** 31 - 1])
    expect(codeError("k", returned).found).toMatch(`INTERNAL_ERROR (${returned})`);
});

// The other engines: their texts, as one run of the fixture's modules in each printed them.
test.each([
  ["spidermonkey", "unreachable executed", "unreachable"],
  ["spidermonkey", "index out of bounds", "memory-out-of-bounds"],
  ["spidermonkey", "index out of bounds: memory 0, byte offset 65536", "memory-out-of-bounds"],
  ["spidermonkey", "table index out of bounds", "table-out-of-bounds"],
  ["spidermonkey", "indirect call to null", "indirect-call-to-null"],
  ["spidermonkey", "indirect call signature mismatch", "indirect-call-mismatch"],
  ["spidermonkey", "integer divide by zero", "integer-divide-by-zero"],
  ["spidermonkey", "integer overflow", "integer-overflow"],
  ["spidermonkey", "invalid conversion to integer", "bad-conversion-to-integer"],
  ["spidermonkey", "unaligned memory access", "heap-misaligned"],
  ["spidermonkey", "dereferencing null pointer", "null-reference"],
  ["spidermonkey", "bad cast", "cast-failure"],
  ["spidermonkey", "something new", "other"],
  ["jsc", "Unreachable code should not be executed (evaluating 'f()')", "unreachable"],
  ["jsc", "Out of bounds memory access (evaluating 'f()')", "memory-out-of-bounds"],
  ["jsc", "Out of bounds table access", "table-out-of-bounds"],
  ["jsc", "Out of bounds call_indirect (evaluating 'f()')", "table-out-of-bounds"],
  ["jsc", "call_indirect to a signature that does not match", "indirect-call-mismatch"],
  ["jsc", "Division by zero (evaluating 'f()')", "integer-divide-by-zero"],
  ["jsc", "Integer overflow", "integer-overflow"],
  ["jsc", "Out of bounds Trunc operation", "bad-conversion-to-integer"],
  ["jsc", "Unaligned memory access", "heap-misaligned"],
  ["jsc", "access to a null reference", "null-reference"],
  ["jsc", "ref.cast failed to cast reference to target heap type", "cast-failure"],
  ["jsc", "Out of bounds array.get", "array-out-of-bounds"],
  ["jsc", "Failed to allocate new array (evaluating 'f()')", "allocation-too-large"],
  [
    "jsc",
    "Invalid data segment initialization: segment of 1 bytes memory of 65536 bytes, at offset 65536",
    "data-segment-out-of-bounds",
  ],
  ["v8", "function signature mismatch", "indirect-call-mismatch"],
  ["v8", "null function", "indirect-call-to-null"],
] as const)("trapOfMessage(%s, %s) is %s", (engine, message, trap) => {
  expect(trapOfMessage(engine, message)).toBe(trap);
});

test.each([
  ["v8", new RangeError("Maximum call stack size exceeded")],
  ["jsc", new RangeError("Maximum call stack size exceeded.")],
  ["spidermonkey", Object.assign(new Error("too much recursion"), { name: "InternalError" })],
] as const)("classifyTrap() knows the exhausted stack of %s", (engine, error) => {
  expect(classifyTrap(error, engine, INTERRUPTED.none)?.kind).toBe("StackOverflow");
});

test.each<[Engine, object]>([
  ["v8", {}],
  ["spidermonkey", { fileName: "a.js", lineNumber: 1, columnNumber: 2 }],
  ["jsc", { line: 1, column: 2, sourceURL: "a.js" }],
])("engineOf() recognises %s by the properties of its errors", (engine, properties) => {
  expect(engineOf(Object.assign(new Error("probe"), properties))).toBe(engine);
});

test.each([
  [
    "V8",
    "RuntimeError: x\n    at f (wasm://wasm/97d8d192:wasm-function[3]:0x1f2)\n",
    [3, "f", 0x1f2],
  ],
  [
    "V8 without names",
    "E: x\n    at wasm://wasm/97d8d192:wasm-function[0]:0x27",
    [0, undefined, 0x27],
  ],
  [
    "V8 from a URL, with the host's frames around",
    "E: x\n    at a.f (https://x.org/a.wasm:wasm-function[12]:0xabc)\n    at host (b.js:1:2)",
    [12, "a.f", 0xabc],
  ],
  [
    "SpiderMonkey",
    "f@https://x.org/a.js line 1 > WebAssembly.Module:wasm-function[0]:0x1e\n@https://x.org/a.js:1:11715",
    [0, "f", 0x1e],
  ],
  [
    "JavaScriptCore",
    "wasm-stub@[wasm code]\n<?>.wasm-function[7]@[wasm code]",
    [7, undefined, undefined],
  ],
  [
    "JavaScriptCore with names",
    "<?>.wasm-function[f g]@[wasm code]",
    [undefined, "f g", undefined],
  ],
])("innermostFrame() reads a frame of %s", (_engine, stack, [index, name, offset]) => {
  expect(innermostFrame(stack)).toEqual({
    functionIndex: index,
    functionName: name,
    offset,
  });
});

test("innermostFrame() is undefined where no frame is WebAssembly's", () => {
  expect(innermostFrame("Error: x\n    at host (b.js:1:2)")).toBeUndefined();
  expect(innermostFrame(undefined)).toBeUndefined();
});

test("a hostile function name neither forges a place, nor prints control characters, nor costs", () => {
  const spoof = "x (wasm://wasm/0:wasm-function[99]:0xdead)\u001b[2J\u202e";
  const frame = innermostFrame(`E: x\n    at ${spoof} (wasm://wasm/1:wasm-function[3]:0x1f2)`);
  expect([frame?.functionIndex, frame?.offset]).toEqual([3, 0x1f2]);
  expect(frame?.functionName).toBe("x (wasm://wasm/0:wasm-function[99]:0xdead)?[2J?");
  const long = " (wasm-function[".repeat(1_000_000);
  expect(innermostFrame(`    at ${long}`)?.functionName?.length ?? 0).toBeLessThanOrEqual(200);
});

test("a running module's function name cannot forge its place", async () => {
  const bytes = await assemble({ text: '(func (export "f") unreachable)' }, false);
  const error = thrownBy(nameFunction(bytes, "x (wasm://wasm/0:wasm-function[99]:0x1)"));
  expect(trapError(error, CONTEXT)).toMatchObject({ functionIndex: 0, offset: 0x1e });
  const long = thrownBy(nameFunction(bytes, "(".repeat(16_000)));
  expect(trapError(long, CONTEXT)).toMatchObject({ functionIndex: 0, offset: 0x1e });
});
