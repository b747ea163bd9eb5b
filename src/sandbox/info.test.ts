import { expect, test } from "vitest";
import { SANDBOX_LIMITS } from "../base/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { stillSandbox, verified } from "./kernel.fixture.ts";
import type { Kernel } from "./kernel.ts";

/** A kernel whose kernel_info names `length` bytes at `at`, version 1.2.65535, backward 1. */
async function named(at: string, length: number, fields = ""): Promise<Kernel> {
  const sandbox = await stillSandbox();
  const info = `(i32.store (local.get $at) (i32.const ${at}))
    (i32.store offset=4 (local.get $at) (i32.const ${length}))
    (i32.store16 offset=8 (local.get $at) (i32.const 1))
    (i32.store16 offset=10 (local.get $at) (i32.const 2))
    (i32.store16 offset=12 (local.get $at) (i32.const 65535))
    (i32.store8 offset=14 (local.get $at) (i32.const 1))
    (i32.const 0)`;
  return sandbox.load(await verified({ info, fields }));
}

test("Kernel.info() is what kernel_info says", async () => {
  const kernel = await named("64", 6, '(data (i32.const 64) "norm\\c3\\a9")');
  const info = { name: "normé", version: "1.2.65535", supportsBackward: true };
  expect(kernel.info()).toEqual(info);
  using lease = kernel.lease();
  expect(lease.info()).toEqual(info);
});

test("Kernel.info() of a kernel that fills in nothing is empty, whatever lay there before", async () => {
  const sandbox = await stillSandbox();
  const ones = { type: "u32", default: 2 ** 32 - 1 } as const;
  const kernel = await sandbox.load(await verified({}, { params: { a: ones, b: ones, c: ones } }));
  kernel.call({ inputs: { x: { shape: [64], data: new Float32Array(64) } } });
  expect(kernel.info()).toEqual({ name: "", version: "0.0.0", supportsBackward: false });
});

// The arena has grown memory to two pages by the time that kernel_info runs.
test.each([
  ["one byte beyond its end", "131072", 1],
  ["across its end", "131070", 3],
  ["at the end of the address space", "-1", 1],
  ["across 2^32, where the sum would wrap", "-16", 64],
])("a name outside memory, %s, is refused and not read", async (_, at, length) => {
  const kernel = await named(at, length);
  expect(failureOf(() => kernel.info())).toMatchObject({
    code: "DESCRIPTOR_INVALID",
    at: 'kernel "test", kernel_info',
  });
});

test("a name may end where memory does", async () => {
  expect((await named("131072", 0)).info().name).toBe("");
  expect((await named("131071", 1)).info().name).toBe("?");
});

test("a name may be as long as the limit, and no longer", async () => {
  const max = SANDBOX_LIMITS.kernelNameBytesMax;
  expect((await named("1024", max)).info().version).toBe("1.2.65535");
  const long = await named("1024", max + 1);
  expect(failureOf(() => long.info()).expected).toBe("at most 256 bytes within memory");
  const huge = await named("0", -1);
  expect(failureOf(() => huge.info()).code).toBe("DESCRIPTOR_INVALID");
});

test("a name in memory that kernel_info has grown is read", async () => {
  const sandbox = await stillSandbox();
  const info = `(local $page i32)
    (local.set $page (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
    (i32.store (local.get $page) (i32.const 0x6b6f)) ;; "ok"
    (i32.store (local.get $at) (local.get $page))
    (i32.store offset=4 (local.get $at) (i32.const 2)) (i32.const 0)`;
  const kernel = await sandbox.load(await verified({ info }));
  expect(kernel.info().name).toBe("ok");
});

test("a name cannot move a terminal's cursor, nor hide text, nor break UTF-8", async () => {
  const kernel = await named("64", 12, '(data (i32.const 64) "a\\1b[2J\\e2\\80\\ae\\ffb\\0a")');
  expect(kernel.info().name).toBe("a?[2J?\ufffdb??");
});

test("an error code of kernel_info is told, and harms nothing", async () => {
  const sandbox = await stillSandbox();
  const kernel = await sandbox.load(await verified({ info: "(i32.const 5)" }));
  expect(failureOf(() => kernel.info())).toMatchObject({ code: "KERNEL_CODE", returned: 5 });
  expect(kernel.counts()).toMatchObject({ created: 1, idle: 1, discarded: 0 });
});

test("Lease.info() after a trap asks a fresh instance", async () => {
  const sandbox = await stillSandbox();
  const fields = "(global $g (mut i32) (i32.const 7))";
  const forward = "(global.set $g (i32.const 9)) unreachable";
  const info = "(i32.store16 offset=8 (local.get $at) (global.get $g)) (i32.const 0)";
  const kernel = await sandbox.load(await verified({ fields, forward, info }));
  using lease = kernel.lease();
  const call = lease.prepare({ inputs: { x: [1] } });
  expect(failureOf(() => call.run()).code).toBe("KERNEL_UNREACHABLE");
  expect(lease.info().version).toBe("7.0.0");
});

test("Lease.info() takes nothing from the arena", async () => {
  const kernel = await named("64", 4);
  using lease = kernel.lease();
  const at = () => {
    using call = lease.prepare({ inputs: { x: [1] } });
    return call.inputs.x.byteOffset;
  };
  const before = at();
  for (let i = 0; i < 3; i++) lease.info();
  expect(at()).toBe(before);
});
