// Kernels that never end, run in the test's own thread against the real ticker: each is stopped with
// the right error, and what is called next works: the same prepared call, another, another kernel.

import { afterAll, beforeAll, expect, test } from "vitest";
import { failureOf } from "../../src/pack/failure-of.fixture.ts";
import type { Kernel } from "../../src/sandbox/mod.ts";
import { kernelText, type KernelText, verified } from "../../src/sandbox/kernel.fixture.ts";
import { assemble } from "../../src/sandbox/trap.fixture.ts";
import { hasFeature } from "../../src/pack/mod.ts";
import { Sandbox } from "../../src/sandbox.node.ts";

/** What ends by itself has 100 ms, since a busy machine may stand still for a while. */
const LIMITS = { epochTickMs: 1, budgetTicksDefault: 100 };

let sandbox: Sandbox;
let innocent: Kernel;
beforeAll(async () => {
  sandbox = await Sandbox.create({ limits: LIMITS });
  innocent = await sandbox.load(await verified({}, { id: "innocent" }));
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const ONE = new Float32Array([1]);
const ZERO = new Float32Array([0]);
const request = (data: Float32Array) => ({ inputs: { x: { shape: [1], data } } });

/** Does `forever` where x[0] is not 0, else returns 0 at once. */
function unlessZero(forever: string, rest: KernelText = {}): KernelText {
  const forward = `(if (i32.eqz (i32.load (i32.load (local.get $at)))) (then (return (i32.const 0))))
    ${forever} (i32.const 0)`;
  return { ...rest, forward };
}

/** Runs the kernel for ever, sees it stopped, and that everything goes on. */
function stops(kernel: Kernel, kind: string, budgetTicks: number): void {
  using call = kernel.prepare({ inputs: { x: [1] } });
  for (let turn = 0; turn < 2; turn++) {
    call.inputs.x.set(ONE);
    expect(failureOf(() => call.run({ budgetTicks }))).toMatchObject({ kind, kernel: kernel.id });
    call.inputs.x.set(ZERO);
    call.run();
  }
  expect(failureOf(() => kernel.call({ ...request(ONE), budgetTicks }))).toMatchObject({ kind });
  kernel.call(request(ZERO));
  innocent.call(request(ONE));
}

/** Memory for tensors beside the megabyte that some kernels begin with. */
const ROOM = {
  resource_limits: { max_memory_pages: 32, max_epoch_ticks: 1000, max_table_elements: 64 },
};

const TABLE = "(type $f (func)) (table 4 4 funcref)";

const LOOPS: readonly (readonly [what: string, text: KernelText])[] = [
  ["a loop", unlessZero("(loop (br 0))")],
  ["nested loops", unlessZero("(loop $a (loop $b (loop (br_if $b (local.get $at))) (br $a)))")],
  ["a loop left and entered again", unlessZero("(loop $a (block (br 0)) (br $a))")],
  ["a loop by br_table", unlessZero("(loop $a (br_table $a $a (local.get $at)))")],
  [
    "a loop of large memory.fill",
    unlessZero("(loop (memory.fill (i32.const 65536) (i32.const 0) (i32.const 0xe0000)) (br 0))", {
      memory: "(memory 16)",
    }),
  ],
  [
    "a loop of large memory.copy",
    unlessZero(
      "(loop (memory.copy (i32.const 65536) (i32.const 0x80000) (i32.const 0x7ffff)) (br 0))",
      {
        memory: "(memory 16)",
      },
    ),
  ],
  [
    "a loop of memory.grow by nothing",
    unlessZero("(loop (drop (memory.grow (i32.const 0))) (br 0))"),
  ],
  [
    "a loop of memory.grow beyond the grant",
    unlessZero("(loop (drop (memory.grow (i32.const 65536))) (br 0))"),
  ],
  [
    "a loop of table.grow beyond the grant",
    unlessZero("(loop (drop (table.grow 0 (ref.null func) (i32.const 1000000))) (br 0))", {
      fields: "(table 0 funcref)",
    }),
  ],
  [
    "a loop of calls",
    unlessZero("(loop (call $leaf) (br 0))", { fields: "(func $leaf (drop (i32.const 0)))" }),
  ],
  ["tail calls to itself", unlessZero("(call $t)", { fields: "(func $t (return_call $t))" })],
  [
    "tail calls of two",
    unlessZero("(call $a)", { fields: "(func $a (return_call $b)) (func $b (return_call $a))" }),
  ],
  [
    "tail calls through a table",
    unlessZero("(call $t)", {
      fields: `${TABLE} (elem (i32.const 0) $t)
        (func $t (return_call_indirect (type $f) (i32.const 0)))`,
    }),
  ],
  [
    "a loop of exceptions",
    unlessZero("(loop (try (do (throw $e)) (catch $e)) (br 0))", { fields: "(tag $e)" }),
  ],
  [
    "a loop that catches whatever it meets",
    unlessZero("(loop (try (do (loop (br 0))) (catch_all)) (br 0))"),
  ],
  [
    "a recursion whose overflow is caught and begun anew",
    unlessZero("(loop (call $r) (br 0))", {
      // Bounded by itself at depth 10, so that only time ends it.
      fields: `(global $n (mut i32) (i32.const 0))
        (func $r (global.set $n (i32.add (global.get $n) (i32.const 1)))
          (if (i32.lt_u (global.get $n) (i32.const 10)) (then (call $r)))
          (global.set $n (i32.const 0)))`,
    }),
  ],
];

test.each(LOOPS)("%s is stopped at its deadline", async (_, text) => {
  stops(await sandbox.load(await verified(text, ROOM)), "EpochDeadline", 5);
});

const CALLS: readonly (readonly [what: string, text: KernelText])[] = [
  ["direct recursion", unlessZero("(call $r)", { fields: "(func $r (call $r))" })],
  ["recursion of the entry", unlessZero("(drop (call $forward (local.get $at)))")],
  [
    "mutual recursion",
    unlessZero("(call $a)", { fields: "(func $a (call $b)) (func $b (call $a))" }),
  ],
  [
    "recursion of three through one that is exported",
    unlessZero("(call $a)", {
      fields: '(func $a (call $b)) (func $b (export "b") (call $c)) (func $c (call $a))',
    }),
  ],
  [
    "recursion through a table",
    unlessZero("(call $r)", {
      fields: `${TABLE} (elem (i32.const 0) $r) (func $r (call_indirect (type $f) (i32.const 0)))`,
    }),
  ],
  [
    "recursion through a table that the kernel fills",
    unlessZero("(table.set 0 (i32.const 1) (ref.func $r)) (call $r)", {
      fields: `${TABLE} (elem declare func $r)
        (func $r (call_indirect (type $f) (i32.const 1)))`,
    }),
  ],
  [
    "recursion inside try blocks",
    unlessZero("(call $r)", { fields: "(func $r (try (do (call $r)) (catch_all)))" }),
  ],
  [
    "recursion from a loop",
    unlessZero("(call $r)", { fields: "(func $r (loop (call $r) (br 0)))" }),
  ],
  [
    "recursion with 50,000 locals",
    unlessZero("(call $r (i64.const 1))", {
      fields: `(func $r (param i64) (local ${"i64 ".repeat(49_990)})
        (call $r (i64.add (local.get 40000) (local.get 0))))`,
    }),
  ],
  [
    "recursion with a thousand parameters",
    unlessZero(`(call $r ${"(i64.const 1)".repeat(1000)})`, {
      fields: `(func $r (param ${"i64 ".repeat(1000)})
        (call $r ${Array.from({ length: 1000 }, (_, i) => `(local.get ${i})`).join("")}))`,
    }),
  ],
];

/** More ticks than the engine takes to compile the largest function here. */
const PATIENCE = 1000;

test.each(CALLS)("%s is stopped by the stack's bound", async (_, text) => {
  stops(await sandbox.load(await verified(text)), "StackOverflow", PATIENCE);
});

test.runIf(hasFeature("exceptions"))("a loop of try_table is stopped at its deadline", async () => {
  const text = kernelText(
    unlessZero(
      "(loop $again (block $caught (try_table (catch_all $caught) (throw $e))) (br $again))",
      {
        fields: "(tag $e)",
      },
    ),
  );
  const inner = text.slice("(module ".length, -1);
  const bytes = await assemble({ text: inner, assembler: "binaryen" });
  stops(await sandbox.load(await verified(bytes)), "EpochDeadline", 5);
});

const ENDS = [
  ["loops", "(loop (br 0))", "EpochDeadline"],
  ["recurses", "(call $r)", "StackOverflow"],
  ["traps", "unreachable", "Unreachable"],
] as const;

test.each(ENDS)(
  "a start function that %s fails whoever asks for an instance",
  async (_, body, kind) => {
    const text = { fields: `(func $r (call $r)) (func $s ${body}) (start $s)` };
    const kernel = await sandbox.load(await verified(text));
    const asks = [
      () => kernel.lease(),
      () => kernel.prepare({ inputs: { x: [1] } }),
      () => kernel.call(request(ONE)),
      () => kernel.info(),
    ];
    for (const ask of asks) expect(failureOf(ask)).toMatchObject({ kind, kernel: "test" });
    await expect(kernel.acquire()).rejects.toMatchObject({ kind });
    expect(kernel.counts()).toMatchObject({ created: 0, idle: 0, lent: 0 });
    innocent.call(request(ONE));
  },
);

test.each(ENDS)(
  "a kernel_init that %s fails the call, and the next call tries again",
  async (_, body, kind) => {
    // Word 0 counts the instances' lives, so that only the first one misbehaves: memory below the
    // arena is zeroed after a trap, and the arena is not.
    const fields = "(func $r (call $r))";
    const init = `(if (i32.load (local.get $at)) (then ${body})) (i32.const 0)`;
    const kernel = await sandbox.load(
      await verified({ fields, init }, { params: { bad: { type: "u32", default: 1 } } }),
    );
    using lease = kernel.lease();
    const prepare = (bad: number) => lease.prepare({ inputs: { x: [1] }, params: { bad } });
    expect(failureOf(() => prepare(1))).toMatchObject({ kind });
    const call = prepare(0);
    call.run();
    expect(failureOf(() => kernel.call({ ...request(ONE), params: { bad: 1 } }))).toMatchObject({
      kind,
    });
    kernel.call({ ...request(ONE), params: { bad: 0 } });
    expect(kernel.counts()).toMatchObject({ created: 3, discarded: 1, idle: 1, lent: 1 });
  },
);

test.each(ENDS)(
  "a kernel_info that %s fails whoever asks, and calls go on",
  async (_, body, kind) => {
    const text = { fields: "(func $r (call $r))", info: `${body} (i32.const 0)` };
    const kernel = await sandbox.load(await verified(text));
    using lease = kernel.lease();
    const call = lease.prepare({ inputs: { x: [1] } });
    call.run();
    expect(failureOf(() => lease.info())).toMatchObject({ kind });
    call.run();
    lease.prepare({ inputs: { x: [1] } }).run();
    expect(failureOf(() => kernel.info())).toMatchObject({ kind });
    kernel.call(request(ONE));
  },
);

test.each(ENDS)("a kernel_cleanup that %s keeps nobody from ending", async (_, body, kind) => {
  const failed: unknown[] = [];
  const own = await Sandbox.create({
    limits: LIMITS,
    onEvent: (event) => {
      if (event.type === "cleanup-failed") failed.push(event.error);
    },
  });
  const text = { fields: "(func $r (call $r))", cleanup: `${body} (i32.const 0)` };
  const kernel = await own.load(await verified(text));
  kernel.call(request(ONE));
  await own[Symbol.asyncDispose]();
  expect(failed).toMatchObject([{ kind }]);
});
