// Modules that claim to be huge, or are: a claim costs nothing, and size itself is bounded.

import { describe, expect, test } from "vitest";

import { MODULE_LIMITS } from "../../src/base/mod.ts";
import { instrument } from "../../src/sandbox/mod.ts";
import { decode } from "../../src/sandbox/decode.ts";
import {
  body,
  type Bytes,
  codeOf,
  custom,
  failureOf,
  functionModule,
  moduleOf,
  NOTHING,
  refusal,
  section,
  vectorSection,
} from "../../src/sandbox/wasm.fixture.ts";
import { leb } from "../../src/sandbox/writer.ts";

const HUGE = [0xff, 0xff, 0xff, 0xff, 0x0f]; // 2^32 - 1.
const I32 = 0x7f;

describe("A count of 2^32 - 1 is refused before anything is made for it", () => {
  const func = vectorSection(1, [NOTHING]);
  const declared = vectorSection(3, [[0]]);
  test.each<[string, Uint8Array]>([
    ["types", moduleOf(section(1, HUGE))],
    ["types of a group", moduleOf(section(1, [1, 0x4e], HUGE))],
    ["supertypes", moduleOf(section(1, [1, 0x50], HUGE))],
    ["parameters", moduleOf(section(1, [1, 0x60], HUGE))],
    ["results", moduleOf(section(1, [1, 0x60, 0], HUGE))],
    ["fields", moduleOf(section(1, [1, 0x5f], HUGE))],
    ["imports", moduleOf(section(2, HUGE))],
    ["bytes of a name", moduleOf(section(2, [1], HUGE))],
    ["functions", moduleOf(section(3, HUGE))],
    ["tables", moduleOf(section(4, HUGE))],
    ["memories", moduleOf(section(5, HUGE))],
    ["tags", moduleOf(section(13, HUGE))],
    ["globals", moduleOf(section(6, HUGE))],
    ["exports", moduleOf(section(7, HUGE))],
    ["element segments", moduleOf(section(9, HUGE))],
    ["elements", moduleOf(func, declared, section(9, [1, 1, 0], HUGE))],
    ["data segments, as counted", moduleOf(section(12, HUGE))],
    ["function bodies", moduleOf(func, declared, section(10, HUGE))],
    ["bytes of a body", moduleOf(func, declared, section(10, [1], HUGE))],
    ["data segments", moduleOf(section(11, HUGE))],
    ["bytes of a data segment", moduleOf(section(11, [1, 1], HUGE))],
    ["bytes of a section", Uint8Array.from([...moduleOf(), 0, ...HUGE])],
    ["groups of locals", functionModule([], { locals: HUGE })],
    ["locals of a group", functionModule([], { locals: [1, ...HUGE, I32] })],
    ["locals in two groups", functionModule([], { locals: [2, ...HUGE, I32, ...HUGE, I32] })],
    ["branch targets", functionModule([0x00, 0x0e, ...HUGE])],
    ["catch clauses", functionModule([0x1f, 0x40, ...HUGE])],
    ["types of a select", functionModule([0x00, 0x1c, ...HUGE])],
  ])("%s", (_, bytes) => {
    expect(refusal(Uint8Array.from(bytes))).toBeDefined();
    expect(codeOf(() => decode(bytes))).toMatch(/^MODULE_(?:MALFORMED|REFUSED)$/);
  });
});

describe("What is large is taken up to its bound", () => {
  test.each([
    ["blocks", MODULE_LIMITS.blockDepthMax, nested],
    ["branch targets", MODULE_LIMITS.branchTableMax, branches],
    ["parameters", MODULE_LIMITS.parametersMax, parameters],
    ["sections", MODULE_LIMITS.sectionsMax, sections],
    ["exports", MODULE_LIMITS.exportsMax, exported],
  ])("%s, to %d and not one more", (_, max, make) => {
    expect(refusal(make(max - 1))).toBeUndefined();
    for (const count of [max - 1, max]) {
      const { bytes } = instrument(make(count), { interrupt: "epoch", memory: "keep" });
      expect(refusal(bytes)).toBeUndefined();
    }
    const failure = failureOf(() => decode(make(max + 1)));
    expect([failure.code, failure.expected]).toEqual(["MODULE_REFUSED", `at most ${max}`]);
  });

  test("a body of 50,000 locals, rewritten", () => {
    const bytes = functionModule([0x03, 0x40, 0x0b], { locals: [1, ...leb(50_000), 0x7b] });
    const { bytes: ours } = instrument(bytes, { interrupt: "epoch", memory: "keep" });
    expect(refusal(ours)).toBeUndefined();
  });
});

describe("A memory or table that asks for everything", () => {
  const HOST = { interrupt: "epoch", memory: "host", memoryPagesMax: 16 } as const;

  test("is decoded without being made", () => {
    expect(decode(memory(1, ...leb(65_536), ...leb(65_536))).memories[0]!.min).toBe(65_536);
    expect(decode(memory(4, ...leb(2 ** 48))).memories[0]!.min).toBe(2 ** 48);
    expect(decode(table(HUGE)).tables[0]!.min).toBe(2 ** 32 - 1);
  });

  test("is refused where the host owns it, at the bound and one page beyond", () => {
    expect(instrument(memory(0, 16), HOST).imports[0]).toMatchObject({ type: { initial: 16 } });
    for (const limits of [
      [0, 17],
      [0, ...leb(65_536)],
      [1, ...leb(65_536), ...leb(65_536)],
    ])
      expect(codeOf(() => instrument(memory(...limits), HOST))).toBe("MODULE_REFUSED");
  });

  test("gets no more than the host's bound however much it may grow to", () => {
    const { imports } = instrument(memory(1, 1, ...leb(65_536)), HOST);
    expect(imports[0]).toMatchObject({ type: { initial: 1, maximum: 16 } });
  });

  test("is refused as a table above its bound", () => {
    const options = { ...HOST, tableElementsMax: 1000 };
    expect(codeOf(() => instrument(table(leb(1000)), options))).toBeUndefined();
    expect(codeOf(() => instrument(table(leb(1001)), options))).toBe("MODULE_REFUSED");
    expect(codeOf(() => instrument(table(HUGE), options))).toBe("MODULE_REFUSED");
  });
});

function nested(depth: number): Uint8Array<ArrayBuffer> {
  const code = new Uint8Array(depth * 3);
  for (let i = 0; i < depth; i++) code.set([0x02, 0x40], i * 2);
  code.fill(0x0b, depth * 2);
  return functionModule([...code]);
}

function branches(count: number): Uint8Array<ArrayBuffer> {
  const labels = Array.from({ length: count + 1 }, () => 0);
  return functionModule([0x41, 0, 0x0e, ...leb(count), ...labels]);
}

function parameters(count: number): Uint8Array<ArrayBuffer> {
  const types = Array.from({ length: count }, () => I32);
  return moduleOf(vectorSection(1, [[0x60, ...leb(count), ...types, 0]]));
}

function sections(count: number): Uint8Array<ArrayBuffer> {
  const own = moduleOf(vectorSection(1, [NOTHING]), vectorSection(3, [[0]]));
  const code = vectorSection(10, [body([0x0b])]);
  const notes = Array.from({ length: count - 3 }, () => custom("", []));
  return Uint8Array.from([...own, ...code, ...notes.flat()]);
}

function exported(count: number): Uint8Array<ArrayBuffer> {
  const names = Array.from({ length: count }, (_, i) => {
    const name = i.toString(36).padStart(4, "0");
    return [4, ...new TextEncoder().encode(name), 0, 0];
  });
  return functionModule([], { sections: { 7: vectorSection(7, names) } });
}

function memory(...limits: number[]): Uint8Array {
  return moduleOf(vectorSection(5, [limits]));
}

function table(min: Bytes): Uint8Array {
  return moduleOf(vectorSection(4, [[0x70, 0, ...min]]));
}
