// Inspection: whether a claimed message may reach its handler. What may not ends as a fault, whose code says why.

import { FAULT_CODES, MESSAGE_FAULTS, MESSAGE_OPCODES, SLOT } from "../layout/mod.ts";
import { crc32c, type HybridClock, type Message } from "../message/mod.ts";
import { ABANDONED } from "./calls.ts";
import { COUNTER, type KernelBlock } from "./kernel-block.ts";
import { type MessageQueue, type Payload, WORD } from "./message-queue.ts";

const OPCODE = SLOT.fields.opcode.at / 4;
const { MALFORMED_ARGS, UNKNOWN_OPCODE } = FAULT_CODES;
/** Instead of a fault's code: a place that its sender took and could not fill. */
export const VOID = -1;

export interface InspectionOptions {
  readonly input: MessageQueue;
  readonly block: KernelBlock;
  readonly clock: HybridClock;
  /** Whether senders add checksums. */
  readonly checksum: boolean;
  /** Unix milliseconds, read at once: only for messages that have a deadline, since it costs as much as one. */
  readonly wallMs: () => number;
}

export class Inspection {
  /** Where the message is that was checked last. */
  readonly request: Payload;
  readonly #options: InspectionOptions;
  readonly #input: MessageQueue;
  readonly #words: Int32Array;

  constructor(options: InspectionOptions) {
    this.#options = options;
    this.#input = options.input;
    this.#words = options.input.words;
    this.request = options.input.payload();
  }

  /** 0, VOID, or the code of the fault as which the message ends. `message`: what its type names. */
  check(slot: number, word: number, message: Message | undefined): number {
    const words = this.#words;
    const opcode = words[word + OPCODE];
    if (opcode === MESSAGE_OPCODES.ERROR) return VOID;
    if (message === undefined || opcode !== MESSAGE_OPCODES.MESSAGE)
      return this.#counted(COUNTER.malformed, UNKNOWN_OPCODE);
    if (!this.#isWhole(slot, message)) return this.#counted(COUNTER.malformed, MALFORMED_ARGS);
    if (this.#options.checksum && !this.#isIntact(words[word + WORD.checksum]!))
      return this.#counted(COUNTER.malformed, MESSAGE_FAULTS.CHECKSUM);
    if (words[word + WORD.correlation] === ABANDONED) return MESSAGE_FAULTS.CANCELLED;
    if (this.#isLate(words[word + WORD.deadline]!))
      return this.#counted(COUNTER.expired, MESSAGE_FAULTS.DEADLINE);
    const [high, low] = [words[word + WORD.stamp_high]! >>> 0, words[word + WORD.stamp_low]! >>> 0];
    const isNear = this.#options.clock.observe(high, low);
    return isNear ? 0 : this.#counted(COUNTER.skewed, MESSAGE_FAULTS.CLOCK_SKEW);
  }

  #isWhole(slot: number, message: Message): boolean {
    const { request } = this;
    return (
      this.#input.find(slot, request) &&
      this.#input.isRequest(slot, request) &&
      message.fits(request.views, request.at, request.bytes)
    );
  }

  #isIntact(checksum: number): boolean {
    const { views, at, bytes } = this.request;
    return crc32c(views.u8, at, at + bytes) === checksum >>> 0;
  }

  #isLate(deadline: number): boolean {
    return deadline !== 0 && ((Math.trunc(this.#options.wallMs()) - deadline) | 0) > 0;
  }

  #counted(counter: number, code: number): number {
    this.#options.block.count(counter);
    return code;
  }
}
