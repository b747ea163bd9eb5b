import { expect, test } from "vitest";
import { SANDBOX_RANGES } from "../base/mod.ts";
import { failureIn, failureOf } from "../pack/failure-of.fixture.ts";
import { handTicker, type KernelText, stillSandbox, verified } from "./kernel.fixture.ts";
import {
  deniedFeatures,
  type Preset,
  type PresetName,
  PRESETS,
  presetOf,
  resolveLimits,
} from "./presets.ts";
import { Sandbox, type SandboxOptions } from "./sandbox.ts";

const KIB = 1024;
const NAMES = Object.keys(PRESETS) as PresetName[];

type Values = { readonly [Name in keyof Preset]: Preset[Name]["value"] };

/** The device classes as ADR-005 gives them in section 6, and section 2.1 for the smallest. */
const TABLE: Readonly<Record<Exclude<PresetName, "browser">, Partial<Values>>> = {
  server: {
    optimizationLevel: "speed",
    nanCanonicalization: false,
    parallelCompilation: true,
    simd: true,
    bulkMemory: true,
    multiValue: true,
    memoryBytesMax: 2 ** 32,
    memoryGuardBytes: 2 ** 16,
    epochInterruption: true,
    epochTickMs: 10,
    budgetTicksDefault: 1000,
  },
  embedded: {
    stackBytes: 32 * KIB,
    memoryBytesMax: 128 * KIB,
    aheadOfTime: true,
    simd: false,
    bulkMemory: true,
    interpreter: "debug",
    runtimeFootprintBytesMax: 85 * KIB,
    threads: false,
  },
  threaded: {
    threads: true,
    sharedMemory: true,
    asyncSupport: true,
    threadsMax: 4,
    poolInstancesMax: 4,
  },
};

test.each(Object.entries(TABLE))("the %s preset has every number of its table", (name, table) => {
  const preset = PRESETS[name as PresetName];
  for (const [field, value] of Object.entries(table))
    expect([field, preset[field as keyof Preset].value]).toEqual([field, value]);
});

test("the embedded preset stops a call after 100 ms, whatever it asks for", () => {
  const { epochTickMs, budgetTicksDefault, budgetTicksMax } = PRESETS.embedded;
  expect(budgetTicksDefault.value * epochTickMs.value).toBe(100);
  expect(budgetTicksMax.value * epochTickMs.value).toBe(100);
});

test("the server preset's default of 1000 ticks is ten seconds", () => {
  const { epochTickMs, budgetTicksDefault } = PRESETS.server;
  expect(budgetTicksDefault.value * epochTickMs.value).toBe(10_000);
});

test("what the engine keeps to itself is advisory in every preset, and says why", () => {
  const advisory = [
    "optimizationLevel",
    "parallelCompilation",
    "asyncSupport",
    "aheadOfTime",
    "interpreter",
    "memoryGuardBytes",
    "runtimeFootprintBytesMax",
    "threadsMax",
  ];
  for (const preset of Object.values(PRESETS)) {
    const fields = Object.entries(preset).filter(([, { force }]) => force === "advisory");
    expect(fields.map(([name]) => name).toSorted()).toEqual(advisory.toSorted());
    for (const [, { note }] of fields) expect(note).toMatch(/\.$/);
  }
});

test("every preset has the same fields, and is frozen", () => {
  for (const preset of Object.values(PRESETS)) {
    expect(Object.keys(preset)).toEqual(Object.keys(PRESETS.server));
    expect(Object.isFrozen(preset)).toBe(true);
    expect(Object.isFrozen(preset.simd)).toBe(true);
  }
  expect(Object.isFrozen(PRESETS)).toBe(true);
});

test("every limit of every preset is within its range", () => {
  for (const name of NAMES) {
    const limits = resolveLimits(PRESETS[name], {});
    expect(Object.keys(limits)).toEqual(Object.keys(SANDBOX_RANGES));
    expect(limits.budgetTicksDefault).toBeLessThanOrEqual(limits.budgetTicksMax);
  }
});

const resolve = (name: string, value: unknown) => resolveLimits(PRESETS.server, { [name]: value });

test("resolveLimits() takes both ends of each range, and nothing beyond", () => {
  for (const [name, [min, max]] of Object.entries(SANDBOX_RANGES)) {
    for (const value of [min, max]) expect(resolve(name, value)).toMatchObject({ [name]: value });
    for (const value of [min - 1, max + 1, Number.NaN, Infinity, "1"]) {
      const failure = failureOf(() => resolve(name, value));
      expect([failure.code, failure.at]).toEqual(["PARAM_INVALID", `limits/${name}`]);
    }
  }
});

test("resolveLimits() takes part of a millisecond, but no part of anything else", () => {
  expect(resolveLimits(PRESETS.server, { epochTickMs: 0.5 }).epochTickMs).toBe(0.5);
  const failure = failureOf(() => resolveLimits(PRESETS.server, { poolInstancesMax: 1.5 }));
  expect(failure.expected).toBe("a whole number from 1 to 65536");
});

test("resolveLimits() refuses a limit that it does not know, so that none is silently ignored", () => {
  const failure = failureOf(() => resolveLimits(PRESETS.server, { memoryMax: 1 } as never));
  expect(failure.expected).toContain("memoryBytesMax");
});

test.each(["desktop", "toString", "__proto__", ""])("presetOf(%j) is PARAM_INVALID", (name) => {
  expect(failureOf(() => presetOf(name as PresetName)).code).toBe("PARAM_INVALID");
});

// What is enforced has an effect that a kernel or a caller can see.

async function load(options: SandboxOptions, text: KernelText = {}, limits = {}) {
  const sandbox = await stillSandbox(options);
  const resource_limits = {
    max_memory_pages: 65_536,
    max_epoch_ticks: 1_000_000,
    max_table_elements: 10_000_000,
    ...limits,
  };
  return sandbox.load(await verified(text, { resource_limits }));
}

async function issuesOf(loading: Promise<unknown>) {
  return (await failureIn(loading)).issues.map(({ code, found }) => `${code}: ${found}`);
}

const SIMD = { forward: "(drop (v128.const i32x4 0 0 0 0)) (i32.const 0)" };
const ATOMIC = { forward: "(drop (i32.atomic.load (i32.const 0))) (i32.const 0)" };

test("simd, bulkMemory, multiValue and threads deny their features", async () => {
  const off = { value: false, force: "enforced" } as const;
  const none = { ...PRESETS.threaded, simd: off, bulkMemory: off, multiValue: off, threads: off };
  expect([...deniedFeatures(none)].toSorted()).toEqual([
    "bulk-memory",
    "multi-value",
    "relaxed-simd",
    "simd",
    "threads",
  ]);
  expect(deniedFeatures(PRESETS.threaded).size).toBe(0);
  expect(await issuesOf(load({ preset: "embedded" }, SIMD))).toEqual([
    "feature-denied: a use of simd",
  ]);
  expect(await issuesOf(load({ preset: "server" }, ATOMIC))).toEqual([
    "feature-denied: a use of threads",
  ]);
  await load({ preset: "threaded" }, ATOMIC);
  await load({ preset: "browser" }, SIMD);
});

test("the embedded preset takes a module of 2 pages, and refuses one of 3 in plain words", async () => {
  await load({ preset: "embedded" }, { memory: "(memory 2)" });
  const failure = await failureIn(load({ preset: "embedded" }, { memory: "(memory 3)" }));
  expect(failure.message).toContain("found a memory of at least 3 pages; expected at most 2 pages");
});

test("sharedMemory: every kernel's memory is one that other threads can see", async () => {
  for (const preset of NAMES) {
    const kernel = await load({ preset });
    using call = kernel.prepare({ inputs: { x: [4] } });
    expect(call.inputs.x.buffer).toBeInstanceOf(SharedArrayBuffer);
  }
});

/** Copies bits through a float operation that an engine may give any NaN. */
const NAN = {
  forward: `(f32.store (i32.load offset=16 (local.get $at))
    (f32.add (f32.load (i32.load (local.get $at))) (f32.const 0))) (i32.const 0)`,
};

test("nanCanonicalization: off, but for fuel mode", async () => {
  const x = { shape: [1], data: new Float32Array(new Uint32Array([0x7fc12345]).buffer) };
  const bitsOf = async (options: SandboxOptions) => {
    const { y } = (await load(options, NAN)).call({ inputs: { x } });
    return new Uint32Array(y!.data.buffer)[0]!.toString(16);
  };
  expect(await bitsOf({ interrupt: "fuel" })).toBe("7fc00000");
  expect(await bitsOf({})).toBe("7fc12345"); // What this engine's processor does with it.
});

test("memoryBytesMax bounds what tensors may take, down to nothing", async () => {
  const kernel = await load({ limits: { memoryBytesMax: 3 * 65_536 + 1 } }, {});
  using lease = kernel.lease();
  lease.prepare({ inputs: { x: [15_000] } }); // Two of 60,000 bytes.
  expect(failureOf(() => lease.prepare({ inputs: { x: [3000] } })).code).toBe("OUT_OF_MEMORY");
  expect(await issuesOf(load({ limits: { memoryBytesMax: 65_535 } }))).toEqual([
    "memory-too-large: a memory of at least 1 pages",
  ]);
});

/** Calls itself as many times as x[0] says. */
const RECURSES = {
  fields: `(func $r (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (call $r (i32.sub (local.get $n) (i32.const 1)))) (else (i32.const 0))))`,
  forward: "(call $r (i32.load (i32.load (local.get $at))))",
};

/** How deep the kernel may recurse: the last number of calls that works. */
async function depthOf(options: SandboxOptions, limits = {}): Promise<number> {
  const kernel = await load(options, RECURSES, limits);
  let [works, fails] = [0, 1 << 20];
  while (fails - works > 1) {
    const depth = (works + fails) >>> 1;
    const x = { shape: [1], data: new Float32Array(new Int32Array([depth]).buffer) };
    try {
      kernel.call({ inputs: { x } });
      works = depth;
    } catch (error) {
      expect(error).toMatchObject({ kind: "StackOverflow" });
      fails = depth;
    }
  }
  return works;
}

test("stackBytes bounds recursion, as does the manifest, whichever is smaller", async () => {
  const [small, half, server] = [
    await depthOf({ limits: { stackBytes: 16 * KIB } }),
    await depthOf({ preset: "embedded" }),
    await depthOf({ limits: { stackBytes: 512 * KIB } }, { max_stack_size: 16 * KIB }),
  ];
  expect(half).toBeGreaterThan(small * 1.9);
  expect(server).toBe(small);
  expect(await depthOf({ limits: { stackBytes: 0 } })).toBe(0);
});

test("budgetTicksDefault and budgetTicksMax are the budgets that kernels have", async () => {
  expect((await load({})).budgetTicks).toBe(1000);
  expect((await load({ limits: { budgetTicksDefault: 7 } })).budgetTicks).toBe(7);
  expect((await load({ limits: { budgetTicksMax: 5 } })).budgetTicks).toBe(5);
  expect((await load({}, {}, { max_epoch_ticks: 3 })).budgetTicks).toBe(3);
});

test("epochInterruption and epochTickMs: every preset ticks, at its interval", async () => {
  for (const preset of NAMES) {
    const { source } = handTicker();
    const intervals: number[] = [];
    await Sandbox.create({ preset }, (request) => {
      intervals.push(request.intervalMs);
      return source(request);
    });
    expect(intervals).toEqual([PRESETS[preset].epochTickMs.value]);
    const endless = await load({ preset }, { forward: "(loop (br 0)) unreachable" });
    using call = endless.prepare({ inputs: { x: [1] }, budgetTicks: 0 });
    expect(failureOf(() => call.run()).code).toBe("KERNEL_DEADLINE");
  }
});

test("poolInstancesMax and poolQueueMax bound the pool", async () => {
  for (const preset of NAMES) {
    const kernel = await load({ preset, limits: { poolQueueMax: 1 } });
    const leases = Array.from({ length: PRESETS[preset].poolInstancesMax.value }, () =>
      kernel.lease(),
    );
    expect(failureOf(() => kernel.lease()).code).toBe("POOL_EXHAUSTED");
    const waiting = kernel.acquire();
    expect((await failureIn(kernel.acquire())).code).toBe("POOL_EXHAUSTED");
    leases[0]![Symbol.dispose]();
    await waiting;
  }
});

/** Returns code 1 unless the table grows by x[0] elements. */
const GROWS_TABLE = {
  fields: "(table $t 0 funcref)",
  forward: `(i32.eq (i32.const -1)
    (table.grow $t (ref.null func) (i32.load (i32.load (local.get $at)))))`,
};

const grown = async (limits: object, manifest: object, by: number) => {
  const kernel = await load({ limits }, GROWS_TABLE, manifest);
  const x = { shape: [1], data: new Float32Array(new Int32Array([by]).buffer) };
  try {
    kernel.call({ inputs: { x } });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "KERNEL_CODE" });
    return false;
  }
};

test("tableElementsMax bounds what a table grows to, as does the manifest", async () => {
  expect(await grown({ tableElementsMax: 10 }, {}, 10)).toBe(true);
  expect(await grown({ tableElementsMax: 10 }, {}, 11)).toBe(false);
  expect(await grown({}, { max_table_elements: 10 }, 10)).toBe(true);
  expect(await grown({}, { max_table_elements: 10 }, 11)).toBe(false);
});
