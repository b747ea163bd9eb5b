import { getEventListeners } from "node:events";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import { handTicker, type KernelText, stillSandbox, verified } from "./kernel.fixture.ts";
import type { Kernel } from "./kernel.ts";
import type { Lease } from "./lease.ts";
import { Sandbox, type SandboxOptions } from "./sandbox.ts";

/** Counts in a global how often this instance was called; traps where x[0] is not 0. */
const COUNTS: KernelText = {
  fields: "(global $n (mut i32) (i32.const 0))",
  forward: `(if (i32.load (i32.load (local.get $at))) (then unreachable))
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    (i32.store (i32.load offset=16 (local.get $at)) (global.get $n)) (i32.const 0)`,
};

async function pool(poolInstancesMax: number, options: SandboxOptions = {}): Promise<Kernel> {
  const limits = { poolInstancesMax, ...options.limits };
  const sandbox = await stillSandbox({ ...options, limits });
  return sandbox.load(await verified(COUNTS));
}

/** Runs the kernel once in the lease's instance and gives its count. */
function count(lease: Lease, x = 0): number {
  using call = lease.prepare({ inputs: { x: [1] } });
  call.inputs.x.set([x]);
  call.run();
  const y = call.outputs["y"]!;
  return new Int32Array(y.buffer, y.byteOffset, 1)[0]!;
}

/** Takes an instance for `tenant`, runs once, gives it back, and tells the count. */
function visit(kernel: Kernel, tenant?: string): number {
  using lease = kernel.lease({ tenant });
  return count(lease);
}

function trap(lease: Lease): void {
  expect(failureOf(() => count(lease, 1)).code).toBe("KERNEL_UNREACHABLE");
}

test("a tenant gets its own instance again, as it left it", async () => {
  const kernel = await pool(2);
  expect([visit(kernel, "a"), visit(kernel, "a"), visit(kernel, "a")]).toEqual([1, 2, 3]);
  expect(kernel.counts()).toMatchObject({ created: 1, resets: 0, idle: 1 });
});

test("no tenant is a tenant like any other", async () => {
  const kernel = await pool(2);
  expect([visit(kernel), visit(kernel), visit(kernel, "a"), visit(kernel, "")]).toEqual([
    1, 2, 1, 3,
  ]);
});

test("another tenant gets a new instance while there is room, then one that was cleaned", async () => {
  const kernel = await pool(2);
  expect([visit(kernel, "a"), visit(kernel, "b")]).toEqual([1, 1]);
  expect(kernel.counts()).toMatchObject({ created: 2, resets: 0 });
  expect(visit(kernel, "c")).toBe(1); // In the place of a, which has lain idle longest.
  expect(kernel.counts()).toMatchObject({ created: 2, resets: 1 });
  expect(visit(kernel, "b")).toBe(2);
  expect(visit(kernel, "a")).toBe(1);
});

test("a tenant finds its own instance also under others'", async () => {
  const kernel = await pool(3);
  visit(kernel, "a");
  visit(kernel, "b");
  visit(kernel, "c");
  expect(visit(kernel, "a")).toBe(2);
  expect(kernel.counts()).toMatchObject({ created: 3, resets: 0 });
});

test("take fails with POOL_EXHAUSTED when all are lent, with the counts, and works after a return", async () => {
  const kernel = await pool(2);
  const leases = [kernel.lease(), kernel.lease()];
  const failure = failureOf(() => kernel.lease());
  expect([failure.code, failure.at]).toEqual(["POOL_EXHAUSTED", 'kernel "test"']);
  expect(failure.detail).toEqual({ ...kernel.counts() });
  expect(failure.detail).toMatchObject({ lent: 2, idle: 0 });
  expect(failureOf(() => kernel.prepare({ inputs: { x: [1] } })).code).toBe("POOL_EXHAUSTED");
  leases[0]![Symbol.dispose]();
  kernel.lease();
});

test("a pool of one, as embedded hosts have, serves one caller after the other", async () => {
  const sandbox = await stillSandbox({ preset: "embedded" });
  const kernel = await sandbox.load(await verified({ ...COUNTS, memory: "(memory 1)" }));
  const lease = kernel.lease();
  expect(failureOf(() => kernel.lease()).code).toBe("POOL_EXHAUSTED");
  const waiting = kernel.acquire();
  expect(count(lease)).toBe(1);
  lease[Symbol.dispose]();
  expect(count(await waiting)).toBe(2);
});

test("acquire serves those who wait in the order in which they came, whoever's instance returns", async () => {
  const kernel = await pool(2);
  const leases = [kernel.lease({ tenant: "a" }), kernel.lease({ tenant: "b" })];
  const served: string[] = [];
  const waiting = ["b", "a", "c"].map(async (tenant, place) => {
    const lease = await kernel.acquire({ tenant });
    served.push(`${place} ${tenant}`);
    return lease;
  });
  expect(kernel.counts().waiting).toBe(3);
  leases[0]![Symbol.dispose]();
  (await waiting[0]!)[Symbol.dispose]();
  (await waiting[1]!)[Symbol.dispose]();
  await waiting[2];
  expect(served).toEqual(["0 b", "1 a", "2 c"]);
});

test("acquire takes an idle instance at once", async () => {
  const kernel = await pool(1);
  visit(kernel);
  expect(count(await kernel.acquire())).toBe(2);
  expect(kernel.counts()).toMatchObject({ waiting: 0, lent: 1 });
});

test.each([0, 1, 3])("acquire lets %d callers wait, and refuses the next", async (poolQueueMax) => {
  const kernel = await pool(1, { limits: { poolQueueMax } });
  const lease = kernel.lease();
  const waiting = Array.from({ length: poolQueueMax }, () => kernel.acquire());
  const refused = await failureIn(kernel.acquire());
  expect([refused.code, refused.found]).toEqual([
    "POOL_EXHAUSTED",
    `1 of 1 instances lent, ${poolQueueMax} of ${poolQueueMax} callers waiting`,
  ]);
  lease[Symbol.dispose]();
  for (const each of waiting) (await each)[Symbol.dispose]();
  await kernel.acquire();
});

test("a signal takes its caller out of the line, and nobody else", async () => {
  const kernel = await pool(1);
  const lease = kernel.lease();
  const controller = new AbortController();
  const reason = new Error("no longer needed");
  const [first, second, third] = [
    kernel.acquire(),
    kernel.acquire({ signal: controller.signal }),
    kernel.acquire(),
  ];
  controller.abort(reason);
  await expect(second).rejects.toBe(reason);
  expect(kernel.counts().waiting).toBe(2);
  lease[Symbol.dispose]();
  (await first)[Symbol.dispose]();
  expect(count(await third)).toBe(1);
  expect(kernel.counts()).toMatchObject({ waiting: 0, lent: 1 });
});

test("a signal that is aborted already takes nothing", async () => {
  const kernel = await pool(1);
  await expect(kernel.acquire({ signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  expect(kernel.counts()).toMatchObject({ created: 0, lent: 0, waiting: 0 });
});

test("a signal that outlives its wait keeps no listener, and takes back no lease", async () => {
  const kernel = await pool(1);
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) {
    const lease = kernel.lease();
    const waiting = kernel.acquire({ signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    lease[Symbol.dispose]();
    (await waiting)[Symbol.dispose]();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  }
});

test("an instance that trapped is dropped, and its place is lent anew", async () => {
  const kernel = await pool(1);
  const lease = kernel.lease();
  count(lease);
  const waiting = kernel.acquire();
  trap(lease);
  lease[Symbol.dispose]();
  expect(count(await waiting)).toBe(1);
  expect(kernel.counts()).toMatchObject({ created: 2, discarded: 1, lent: 1, idle: 0 });
});

test("closing refuses whoever waits, and takes their listeners away", async () => {
  const kernel = await pool(1);
  const sandbox = await stillSandbox({ limits: { poolInstancesMax: 1 } });
  const other = await sandbox.load(await verified(COUNTS));
  const lease = other.lease();
  const { signal } = new AbortController();
  const waiting = [other.acquire({ signal }), other.acquire()];
  sandbox.unload(other);
  for (const each of waiting) expect((await failureIn(each)).code).toBe("DISPOSED");
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  expect(other.counts()).toMatchObject({ waiting: 0, lent: 1 });
  lease[Symbol.dispose]();
  expect(other.counts()).toMatchObject({ idle: 0, lent: 0, discarded: 1 });
  kernel.lease(); // Another kernel's pool is not concerned.
});

test("an instance that cannot be made is its caller's error, and the line goes on", async () => {
  const died = new Failure("ENGINE_UNSUPPORTED", { found: "a", expected: "b", fix: "c" });
  const ticker = handTicker(0, died);
  const sandbox = await Sandbox.create({ limits: { poolInstancesMax: 1 } }, ticker.source);
  const kernel = await sandbox.load(await verified(COUNTS));
  const lease = kernel.lease();
  const waiting = ["a", "b", "c"].map((tenant) => kernel.acquire({ tenant }));
  ticker.die(); // From now on nothing can be made or cleaned.
  lease[Symbol.dispose]();
  for (const each of waiting) expect(await failureIn(each)).toBe(died);
  expect(kernel.counts()).toMatchObject({ created: 1, discarded: 1, idle: 0, lent: 0, waiting: 0 });
});

test("a start function that traps costs no place in the pool", async () => {
  const sandbox = await stillSandbox({ limits: { poolInstancesMax: 1 } });
  const kernel = await sandbox.load(await verified({ fields: "(func $s unreachable) (start $s)" }));
  for (let i = 0; i < 3; i++) {
    expect(failureOf(() => kernel.lease()).code).toBe("KERNEL_UNREACHABLE");
    expect(kernel.counts()).toMatchObject({ created: 0, idle: 0, lent: 0 });
  }
});

type Step =
  | "take a"
  | "take b"
  | "take c"
  | "return first"
  | "return last"
  | "trap"
  | "wait"
  | "leave";
const step = fc.constantFrom<Step>(
  ...([
    "take a",
    "take b",
    "take c",
    "return first",
    "return last",
    "trap",
    "wait",
    "leave",
  ] as const),
);

test("counts equal the truth after every step of any history", async () => {
  const sandbox = await stillSandbox({ limits: { poolInstancesMax: 3, poolQueueMax: 2 } });
  const from = await verified(COUNTS);
  let kernel: Kernel | undefined;
  const history = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    if (kernel !== undefined) sandbox.unload(kernel);
    kernel = await sandbox.load(from);
    const lent: Lease[] = [];
    const waiting: AbortController[] = [];
    for (const each of steps) {
      act(each, lent, waiting);
      await new Promise(setImmediate); // Whoever was served has its lease now.
      const { created, discarded, idle, ...now } = kernel.counts();
      expect(now).toMatchObject({ lent: lent.length, waiting: waiting.length });
      expect(created).toBe(idle + lent.length + discarded);
      expect(idle + lent.length).toBeLessThanOrEqual(3);
      if (waiting.length > 0) expect([idle, lent.length]).toEqual([0, 3]);
    }
  });
  function act(each: Step, lent: Lease[], waiting: AbortController[]): void {
    switch (each) {
      case "return first":
      case "return last":
        return (each === "return first" ? lent.shift() : lent.pop())?.[Symbol.dispose]();
      case "trap":
        if (lent.length > 0) trap(lent.at(-1)!);
        return;
      case "wait":
        return wait(lent, waiting);
      case "leave":
        return waiting.pop()?.abort();
      default:
        if (lent.length < 3) lent.push(kernel!.lease({ tenant: each }));
        else expect(failureOf(() => kernel!.lease({ tenant: each })).code).toBe("POOL_EXHAUSTED");
    }
  }
  function wait(lent: Lease[], waiting: AbortController[]): void {
    const controller = new AbortController();
    const full = waiting.length === 2;
    if (!full) waiting.push(controller);
    kernel!.acquire({ tenant: "w", signal: controller.signal }).then(
      (lease) => {
        expect(waiting.shift()).toBe(controller);
        lent.push(lease);
      },
      () => {},
    );
  }
  await fc.assert(history, { numRuns: 60 });
});
