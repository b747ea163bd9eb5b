// Instrument options: what a host asks the rewriter for, and what it must supply in return.

export interface InstrumentOptions {
  /** How a call is stopped: by the clock, after a count of instructions, or not at all. */
  readonly interrupt: "epoch" | "fuel" | "none";
  /** "host" makes the memory a shared import; "keep" leaves memories as they are. */
  readonly memory: "host" | "keep";
  /** Upper bound of the hoisted memory, in pages. Default: what the author declared, at most 65,536. */
  readonly memoryPagesMax?: number;
  /** Upper bound that every table of the module is given. Default: none. */
  readonly tableElementsMax?: number;
  /** Bytes of stack that an entry grants to functions that can recurse. Default: the engine's own. */
  readonly stackBytes?: number;
  /** Exports to make armed entries for. Default: none; the host sets the globals itself. */
  readonly entries?: readonly string[];
  /** Exports to make batch entries for. Each takes a pointer and returns an i32. Default: none. */
  readonly batches?: readonly BatchOption[];
}

export interface BatchOption {
  readonly entry: string;
  /** Bytes from one pointer to the next. */
  readonly strideBytes: number;
}

export interface MemoryType {
  readonly initial: number;
  readonly maximum: number;
  readonly shared: true;
}

/** What the host must supply under `annulus`, beside the author's own imports. */
export type AddedImport =
  | {
      readonly module: string;
      readonly name: "memory" | "epoch";
      readonly kind: "memory";
      readonly type: MemoryType;
    }
  | {
      readonly module: string;
      readonly name: "deadline" | "fuel" | "stack" | "interrupted" | "request";
      readonly kind: "global";
      readonly type: { readonly value: "i32" | "i64"; readonly mutable: true };
    };
