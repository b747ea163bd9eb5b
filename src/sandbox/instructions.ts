// Instructions: reads a function body or constant expression, one instruction at a time.
//
// One reader object serves a whole module and is moved over each instruction; its fields describe
// the instruction just read. Reading allocates nothing but block and try tables' labels, so that a
// module is walked at many megabytes per second.

import { FEATURES, MODULE_LIMITS } from "../base/mod.ts";
import {
  CORE_TABLE,
  NO_FEATURE,
  OP,
  type OpcodeTable,
  PREFIX_GC,
  PREFIXED_TABLES,
  SHAPE,
} from "./opcodes.ts";
import { malformed, Reader, unsupported } from "./reader.ts";
import { readHeapType, readValueType, type UseFeature } from "./types.ts";

const NO_LABELS: readonly number[] = [];

/** Proposals behind opcodes that the tables do not have, for the error's sake: prefix, from, to. */
const PROPOSALS: readonly (readonly [prefix: number, from: number, to: number, name: string])[] = [
  [0x00, 0xe0, 0xe6, "stack switching"],
  [0xfb, 0x20, 0x26, "custom descriptors"],
  [0xfb, 0x80, 0xb7, "string references"],
  [0xfc, 0x12, 0x12, "memory control"],
  [0xfc, 0x13, 0x16, "wide arithmetic"],
  [0xfc, 0x30, 0x31, "fp16"],
  [0xfd, 0x120, 0x14f, "fp16"],
  [0xfe, 0x04, 0x04, "shared-everything threads"],
  [0xfe, 0x4f, 0x7f, "shared-everything threads"],
];

const EMPTY_BLOCK_TYPE = -64; // 0x40 in one byte.

export class Instructions extends Reader {
  /** The opcode just read, as opcodes.ts numbers it. */
  op = 0;
  shape = 0;
  /** Offset of the opcode's first byte. */
  start = 0;
  /** The first index among the immediates (function, local, label, ...), and where it is written. */
  index = 0;
  indexAt = 0;
  indexEnd = 0;
  /** The second index (the table of call_indirect, the source of memory.copy, ...). */
  second = 0;
  secondAt = 0;
  secondEnd = 0;
  /** Labels of br_table, or of try_table's catches. */
  labels: readonly number[] = NO_LABELS;
  /** Tags of try_table's catches. */
  tags: readonly number[] = NO_LABELS;
  readonly #use: UseFeature;
  readonly #seen = new Uint8Array(256);

  constructor(bytes: Uint8Array, use: UseFeature) {
    super(bytes);
    this.#use = use;
  }

  /** Reads the next instruction and returns its opcode. */
  next(): number {
    const start = (this.start = this.at);
    const first = this.u8();
    let table: OpcodeTable = CORE_TABLE;
    let code = first;
    this.op = first;
    if (first >= PREFIX_GC && first < 0xff) {
      code = this.u32();
      table = PREFIXED_TABLES[first]!;
      this.op = (first << 12) | code;
    }
    const shape = code < table.shapes.length ? table.shapes[code]! : SHAPE.unknown;
    if (shape === SHAPE.unknown) throw this.#unknown(first, code);
    this.shape = shape;
    const feature = table.features[code]!;
    if (feature !== NO_FEATURE && this.#seen[feature] === 0) this.#see(feature, start);
    if (shape !== SHAPE.none) this.#immediates(shape);
    return this.op;
  }

  #see(feature: number, at: number): void {
    this.#seen[feature] = 1;
    this.#use(FEATURES[feature]!, at);
  }

  #immediates(shape: number): void {
    switch (shape) {
      case SHAPE.label:
      case SHAPE.func:
      case SHAPE.type:
      case SHAPE.local:
      case SHAPE.global:
      case SHAPE.table:
      case SHAPE.tag:
      case SHAPE.data:
      case SHAPE.elem:
        return this.#first();
      case SHAPE.memory:
        this.#first();
        if (this.index !== 0) this.#use("multi-memory", this.indexAt);
        return;
      case SHAPE.i32:
        return this.skipSigned(32);
      case SHAPE.i64:
        return this.skipSigned(64);
      case SHAPE.f32:
        this.skip(4);
        return;
      case SHAPE.f64:
        this.skip(8);
        return;
      case SHAPE.memarg:
        return this.#memarg();
      case SHAPE.memargLane:
        this.#memarg();
        this.u8();
        return;
      case SHAPE.bytes16:
        this.skip(16);
        return;
      case SHAPE.lane:
        this.u8();
        return;
      case SHAPE.block:
        return this.#blockType();
      default:
        return this.#rareImmediates(shape);
    }
  }

  #rareImmediates(shape: number): void {
    switch (shape) {
      case SHAPE.callIndirect:
      case SHAPE.tableInit:
      case SHAPE.tableCopy:
      case SHAPE.typeField:
      case SHAPE.typeCount:
      case SHAPE.typeData:
      case SHAPE.typeElem:
      case SHAPE.typeType:
        this.#first();
        return this.#secondIndex();
      case SHAPE.memoryInit:
        this.#first();
        this.#secondIndex();
        if (this.second !== 0) this.#use("multi-memory", this.secondAt);
        return;
      case SHAPE.memoryCopy:
        this.#first();
        this.#secondIndex();
        if (this.index !== 0 || this.second !== 0) this.#use("multi-memory", this.indexAt);
        return;
      case SHAPE.branchTable:
        return this.#branchTable();
      case SHAPE.tryTable:
        this.#blockType();
        return this.#catches();
      case SHAPE.selectTypes: {
        const count = this.count("types of select", MODULE_LIMITS.typesMax);
        for (let i = 0; i < count; i++) readValueType(this, this.#use);
        return;
      }
      case SHAPE.heapType:
        readHeapType(this, this.#use);
        return;
      case SHAPE.castBranch: {
        const flags = this.u8();
        if (flags > 3) throw malformed(this.at - 1, `cast flags ${flags}`, "0 to 3");
        this.#first();
        readHeapType(this, this.#use);
        readHeapType(this, this.#use);
        return;
      }
      case SHAPE.fence: {
        const order = this.u8();
        if (order === 1)
          throw unsupported(this.at - 1, "shared-everything threads", "a fence of order 1");
        if (order !== 0) throw malformed(this.at - 1, `memory order ${order}`, "0");
        return;
      }
      default:
        throw malformed(this.start, `shape ${shape}`, "a shape of opcodes.ts");
    }
  }

  #first(): void {
    this.indexAt = this.at;
    this.index = this.u32();
    this.indexEnd = this.at;
  }

  #secondIndex(): void {
    this.secondAt = this.at;
    this.second = this.u32();
    this.secondEnd = this.at;
  }

  /** Alignment, where bit 6 says that a memory index follows, then the offset. `index` is the memory. */
  #memarg(): void {
    this.indexAt = this.at;
    const align = this.u32();
    if (align > 0x7f) throw malformed(this.indexAt, `alignment ${hex(align)}`, "below 0x80");
    if (align & 0x20)
      throw unsupported(this.indexAt, "shared-everything threads", "an access with its own order");
    this.second = align & 0x1f;
    this.index = align & 0x40 ? this.u32() : 0;
    if (align & 0x40) this.#use("multi-memory", this.indexAt);
    this.indexEnd = this.at;
    this.skipU64(); // The engine bounds it to 32 bits where the memory is not 64-bit.
  }

  /** A block type: empty, one value type, or the index of a function type, left in `index`. */
  #blockType(): void {
    this.index = -1;
    this.indexAt = this.at;
    const code = this.at < this.end ? this.bytes[this.at]! : 0; // At the end, `s33` says so.
    if (code === 0x40) this.at++;
    else if (code > 0x40 && code < 0x80) readValueType(this, this.#use);
    else this.#typeIndex();
    this.indexEnd = this.at;
  }

  /** A block type of several bytes: an index, or an empty block that was not spelled in one byte. */
  #typeIndex(): void {
    const type = this.s33();
    if (type === EMPTY_BLOCK_TYPE) return;
    if (type < 0) throw malformed(this.indexAt, `block type ${type}`, "a type index");
    this.index = type;
    this.#use("multi-value", this.indexAt);
  }

  #branchTable(): void {
    const count = this.count("branch targets", MODULE_LIMITS.branchTableMax);
    const labels: number[] = [];
    for (let i = 0; i <= count; i++) labels.push(this.u32());
    this.labels = labels;
  }

  #catches(): void {
    const count = this.count("catch clauses", MODULE_LIMITS.branchTableMax);
    const labels: number[] = [];
    const tags: number[] = [];
    for (let i = 0; i < count; i++) {
      const kind = this.u8();
      if (kind > 3) throw malformed(this.at - 1, `catch clause ${kind}`, "0 to 3");
      if (kind < 2) tags.push(this.u32());
      labels.push(this.u32());
    }
    this.labels = labels;
    this.tags = tags;
  }

  #unknown(first: number, code: number): Error {
    const prefix = first >= PREFIX_GC && first < 0xff ? first : 0;
    const known = PROPOSALS.find(([p, from, to]) => p === prefix && from <= code && code <= to);
    const found = prefix === 0 ? `opcode ${hex(code)}` : `opcode ${hex(prefix)} ${hex(code)}`;
    return unsupported(
      this.start,
      known?.[3] ?? "an instruction that this version does not know",
      found,
    );
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** True for instructions after which the rest of a block cannot be reached. */
export function endsReachability(op: number): boolean {
  switch (op) {
    case OP.unreachable:
    case OP.br:
    case OP.brTable:
    case OP.return:
    case OP.throw:
    case OP.rethrow:
    case OP.throwRef:
    case OP.returnCall:
    case OP.returnCallIndirect:
    case OP.returnCallRef:
      return true;
    default:
      return false;
  }
}
