// Body: one walk over a function body that checks what the rewriter relies on, and notes what it needs.
//
// The rewriter appends functions, types, locals, globals and a memory, and wraps bodies in a block.
// So every index that a body names must lie in the author's own index space, or it would come to
// name ours: an author could set the deadline by writing `global.set` with an index one too high.
// Types of operands are left to the engine, which validates the module before and after.

import { MODULE_LIMITS } from "../base/mod.ts";
import type { Instructions } from "./instructions.ts";
import type { Body } from "./module.ts";
import { OP, SHAPE } from "./opcodes.ts";
import { byteAt, malformed, tooLarge } from "./reader.ts";
import { type FunctionType, readValueType, V128, type UseFeature } from "./types.ts";

/** How many of each thing the module has, so that indices can be checked. */
export interface Spaces {
  readonly types: number;
  readonly functions: number;
  readonly tables: number;
  readonly memories: number;
  readonly globals: number;
  readonly tags: number;
  readonly elements: number;
  readonly data: number;
}

export interface BodyFacts {
  readonly addressTaken: Set<number>;
  waitAt: number | undefined;
}

/** What most bodies call: shared, so that a module of a million leaves costs no million sets. */
const NONE: Set<number> = new Set();
const NO_TYPE: FunctionType = { kind: "function", params: [], results: [] };

/** Reads the body of a function of `type`; the reader stands at the body's size. */
export function readBody(
  code: Instructions,
  type: FunctionType = NO_TYPE,
  spaces: Spaces,
  facts: BodyFacts,
  use: UseFeature,
): Body {
  const at = code.at;
  const bytes = code.u32();
  const start = code.skip(bytes);
  if (bytes > MODULE_LIMITS.functionBytesMax)
    throw tooLarge(at, `a function of ${bytes} bytes`, MODULE_LIMITS.functionBytesMax);
  const sectionEnd = code.end;
  const end = code.at;
  code.at = start;
  code.end = end;
  const { locals, localBytes } = readLocals(code, type, use);
  const codeAt = code.at;
  const found = walk(code, locals, spaces, facts);
  if (code.at !== end)
    throw malformed(code.at, `${end - code.at} bytes behind the last end`, "the end of the body");
  code.end = sectionEnd;
  return bodyOf({ at, start, codeAt, end }, { locals, localBytes }, found);
}

type Places = Pick<Body, "at" | "start" | "codeAt" | "end">;
type Locals = Pick<Body, "locals" | "localBytes">;

/** One object of one shape: a module may have a million of them. */
function bodyOf({ at, start, codeAt, end }: Places, locals: Locals, found: Found): Body {
  return {
    at,
    start,
    codeAt,
    end,
    localBytes: locals.localBytes,
    locals: locals.locals,
    hasLoop: found.hasLoop,
    calls: found.calls,
    callsIndirectly: found.callsIndirectly,
    callees: found.callees,
    catches: found.catches,
  };
}

function readLocals(code: Instructions, type: FunctionType, use: UseFeature): Locals {
  let locals = type.params.length;
  let localBytes = 0;
  for (const param of type.params) localBytes += slotBytes(param.code);
  const groups = code.u32(); // A group may be empty, so there is no bound but the bytes.
  for (let i = 0; i < groups; i++) {
    const at = code.at;
    const count = code.u32();
    locals += count;
    if (locals > MODULE_LIMITS.localsMax) {
      throw tooLarge(at, `${locals} locals`, MODULE_LIMITS.localsMax);
    }
    localBytes += count * slotBytes(readValueType(code, use).code);
  }
  return { locals, localBytes };
}

function slotBytes(code: number): number {
  return code === V128 ? 16 : 8;
}

type Found = Pick<Body, "hasLoop" | "calls" | "callsIndirectly" | "callees" | "catches">;

/** Walks the instructions up to the `end` of the function. */
function walk(code: Instructions, locals: number, spaces: Spaces, facts: BodyFacts): Found {
  let depth = 1; // Open frames, the function's own among them.
  let hasLoop = false;
  let callsIndirectly = false;
  let catches = false;
  let callees = NONE;
  do {
    const op = code.next();
    switch (code.shape) {
      case SHAPE.none:
        if (op === OP.end) depth--;
        else if (op === OP.catchAll) catches = true;
        break;
      case SHAPE.block:
        if (code.index >= 0) within(code, "type", code.index, spaces.types);
        if (op === OP.loop) hasLoop = true;
        depth = open(code, depth);
        break;
      case SHAPE.tryTable:
        if (code.index >= 0) within(code, "type", code.index, spaces.types);
        for (const label of code.labels) within(code, "label", label, depth);
        for (const tag of code.tags) within(code, "tag", tag, spaces.tags);
        catches = true;
        depth = open(code, depth);
        break;
      case SHAPE.label:
      case SHAPE.castBranch:
        if (op === OP.delegate) depth--;
        within(code, "label", code.index, depth);
        break;
      case SHAPE.branchTable:
        for (const label of code.labels) within(code, "label", label, depth);
        break;
      case SHAPE.func:
        within(code, "function", code.index, spaces.functions);
        if (op === OP.refFunc) facts.addressTaken.add(code.index);
        else {
          if (callees === NONE) callees = new Set();
          callees.add(code.index);
        }
        break;
      case SHAPE.callIndirect:
        within(code, "type", code.index, spaces.types);
        within(code, "table", code.second, spaces.tables);
        callsIndirectly = true;
        break;
      case SHAPE.type:
        within(code, "type", code.index, spaces.types);
        if (op === OP.callRef || op === OP.returnCallRef) callsIndirectly = true;
        break;
      case SHAPE.local:
        within(code, "local", code.index, locals);
        break;
      case SHAPE.global:
        within(code, "global", code.index, spaces.globals);
        break;
      case SHAPE.tag:
        within(code, "tag", code.index, spaces.tags);
        if (op === OP.catch) catches = true;
        break;
      case SHAPE.memarg:
      case SHAPE.memargLane:
      case SHAPE.memory:
        within(code, "memory", code.index, spaces.memories);
        if (op === OP.atomicWait32 || op === OP.atomicWait64) facts.waitAt ??= code.start;
        break;
      default:
        checkRareIndices(code, spaces);
    }
  } while (depth > 0);
  return {
    hasLoop,
    calls: callees.size > 0 || callsIndirectly,
    callsIndirectly,
    callees,
    catches,
  };
}

function checkRareIndices(code: Instructions, spaces: Spaces): void {
  switch (code.shape) {
    case SHAPE.table:
      return within(code, "table", code.index, spaces.tables);
    case SHAPE.data:
      return within(code, "data segment", code.index, spaces.data);
    case SHAPE.elem:
      return within(code, "element segment", code.index, spaces.elements);
    case SHAPE.memoryCopy:
      within(code, "memory", code.index, spaces.memories);
      return within(code, "memory", code.second, spaces.memories);
    case SHAPE.memoryInit:
      within(code, "data segment", code.index, spaces.data);
      return within(code, "memory", code.second, spaces.memories);
    case SHAPE.tableInit:
      within(code, "element segment", code.index, spaces.elements);
      return within(code, "table", code.second, spaces.tables);
    case SHAPE.tableCopy:
      within(code, "table", code.index, spaces.tables);
      return within(code, "table", code.second, spaces.tables);
    case SHAPE.typeData:
      within(code, "type", code.index, spaces.types);
      return within(code, "data segment", code.second, spaces.data);
    case SHAPE.typeElem:
      within(code, "type", code.index, spaces.types);
      return within(code, "element segment", code.second, spaces.elements);
    case SHAPE.typeType:
      within(code, "type", code.second, spaces.types);
      return within(code, "type", code.index, spaces.types);
    case SHAPE.typeField:
    case SHAPE.typeCount:
      return within(code, "type", code.index, spaces.types);
    default: // The others hold no index of a space that grows.
  }
}

function open(code: Instructions, depth: number): number {
  if (depth <= MODULE_LIMITS.blockDepthMax) return depth + 1; // The function's own frame is free.
  throw tooLarge(code.start, `blocks ${depth} deep`, MODULE_LIMITS.blockDepthMax);
}

/** Refuses an index that the author's module does not have. */
function within(code: Instructions, what: string, index: number, count: number): void {
  if (index < count) return;
  throw malformed(
    code.start,
    `${what} ${index}`,
    `one of ${count} (${byteAt(code.start)} names none)`,
  );
}
