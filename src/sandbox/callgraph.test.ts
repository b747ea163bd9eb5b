import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { recursiveFunctions } from "./callgraph.ts";
import { decode } from "./decode.ts";
import { body, type Bytes, moduleOf, NOTHING, vectorSection, wat } from "./wasm.fixture.ts";
import { leb } from "./writer.ts";

/** Which functions are on a cycle, by index among those with a body. */
function cyclic(text: string): number[] {
  return marked(wat(`(module (type $t (func)) ${text})`));
}

function marked(bytes: Uint8Array): number[] {
  return [...recursiveFunctions(decode(bytes))].flatMap((on, index) => (on === 1 ? [index] : []));
}

describe("recursiveFunctions() marks", () => {
  test("no function of a module without calls", () => {
    expect(cyclic("(func) (func (loop (br 0)))")).toEqual([]);
  });

  test("a function that calls itself, by call or by return_call", () => {
    expect(cyclic("(func) (func call 1) (func return_call 2)")).toEqual([1, 2]);
  });

  test("functions that call each other, and no caller of theirs", () => {
    expect(cyclic("(func call 1) (func call 2) (func call 1) (func call 0)")).toEqual([1, 2]);
  });

  test("a function that calls through a table which holds it", () => {
    const indirect = "i32.const 0 call_indirect (type $t)";
    expect(cyclic(`(table 1 funcref) (elem (i32.const 0) 0) (func ${indirect})`)).toEqual([0]);
    expect(cyclic(`(table 1 funcref) (elem (i32.const 0) 1) (func ${indirect}) (func)`)).toEqual(
      [],
    );
    expect(
      cyclic(`(table 1 funcref) (elem (i32.const 0) 1) (func ${indirect}) (func call 0)`),
    ).toEqual([0, 1]);
  });

  test("a function that calls through a table and is exported, since the host may put it there", () => {
    const text =
      '(table (export "t") 1 funcref) (func (export "f") i32.const 0 call_indirect (type $t))';
    expect(cyclic(text)).toEqual([0]);
  });

  test("a function whose reference is taken anywhere and that calls through one", () => {
    const indirect = "(table 1 funcref) (func i32.const 0 call_indirect (type $t))";
    expect(cyclic(`${indirect} (func ref.func 0 drop) (elem declare func 0)`)).toEqual([0]);
    expect(cyclic(`${indirect} (global funcref (ref.func 0))`)).toEqual([0]);
    expect(cyclic(`${indirect} (elem funcref (ref.func 0))`)).toEqual([0]);
    expect(cyclic(indirect)).toEqual([]);
  });

  test("a function that calls the host, if the host can call it back", () => {
    const host = '(import "a" "b" (func $host))';
    expect(cyclic(`${host} (func (export "f") call $host)`)).toEqual([0]);
    expect(cyclic(`${host} (func call $host)`)).toEqual([]);
    expect(cyclic(`${host} (func call $host) (func (export "f") call 1)`)).toEqual([0, 1]);
  });

  test("functions of a call through a reference", () => {
    const callRef = [0xd0, 0, 0x14, 0, 0x0b]; // ref.null 0, call_ref 0.
    const exported = vectorSection(7, [[1, 0x66, 0, 0]]);
    expect(marked(functions([callRef], exported))).toEqual([0]);
    expect(marked(functions([callRef]))).toEqual([]);
  });
});

test("recursiveFunctions() agrees with a plain search on random graphs", () => {
  const graph = fc
    .integer({ min: 1, max: 12 })
    .chain((size) =>
      fc.array(fc.array(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size }),
    );
  fc.assert(
    fc.property(graph, (edges) => {
      const bodies = edges.map((to) => [...to.flatMap((index) => [0x10, index]), 0x0b]);
      const reaches = (from: number, goal: number, seen: Set<number>): boolean =>
        edges[from]!.some(
          (to) => to === goal || (!seen.has(to) && reaches(to, goal, seen.add(to))),
        );
      const expected = edges.flatMap((_, i) => (reaches(i, i, new Set()) ? [i] : []));
      expect(marked(functions(bodies))).toEqual(expected);
    }),
  );
});

test("recursiveFunctions() follows chains of 100,000 calls, with and without a way back", () => {
  const length = 100_000;
  const chain = Array.from({ length }, (_, i) =>
    i + 1 < length ? [0x10, ...leb(i + 1), 0x0b] : [0x0b],
  );
  expect(marked(functions(chain)).length).toBe(0);
  chain[length - 1] = [0x10, 0, 0x0b];
  expect(marked(functions(chain)).length).toBe(length);
});

function functions(bodies: readonly Bytes[], ...exports: Bytes[]): Uint8Array {
  return moduleOf(
    vectorSection(1, [NOTHING]),
    vectorSection(
      3,
      bodies.map(() => [0]),
    ),
    ...exports,
    vectorSection(
      10,
      bodies.map((code) => body(code)),
    ),
  );
}
