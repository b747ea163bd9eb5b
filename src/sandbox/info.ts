// Info: asks a kernel what it is. Everything it answers is the author's word, and is bounded here.

import { Failure } from "../base/mod.ts";
import { KERNEL_INFO } from "../layout/mod.ts";
import type { KernelInstance } from "./instance.ts";
import type { Budget } from "./link.ts";
import { codeError } from "./trap.ts";

export interface KernelInfo {
  readonly name: string;
  readonly version: string;
  readonly supportsBackward: boolean;
}

const NAME_BYTES_MAX = 256;

/** Calls kernel_info. Fails with DESCRIPTOR_INVALID where its name lies outside memory. */
export function readInfo(instance: KernelInstance, budget: Budget): KernelInfo {
  const { arena, program } = instance;
  const mark = arena.mark();
  try {
    const at = arena.allocate(KERNEL_INFO.bytes);
    const code = instance.call("kernel_info", [at], budget) ?? 0;
    if (code !== 0) throw codeError(program.kernel, code);
    const { view } = instance;
    const field = KERNEL_INFO.fields;
    const nameAt = view.getUint32(at + field.name_ptr.at, true);
    const length = view.getUint32(at + field.name_len.at, true);
    if (length > NAME_BYTES_MAX || nameAt + length > view.byteLength)
      throw nameOutside(program.kernel, nameAt, length);
    const bytes = new Uint8Array(view.buffer, nameAt, length).slice();
    const part = (offset: number): number => view.getUint16(at + offset, true);
    return {
      name: new TextDecoder().decode(bytes),
      version: `${part(field.major.at)}.${part(field.minor.at)}.${part(field.patch.at)}`,
      supportsBackward: view.getUint8(at + field.supports_backward.at) === 1,
    };
  } finally {
    arena.release(mark);
  }
}

function nameOutside(kernel: string, at: number, length: number): Failure {
  return new Failure("DESCRIPTOR_INVALID", {
    at: `kernel "${kernel}", kernel_info`,
    found: `a name of ${length} bytes at ${at}`,
    expected: `at most ${NAME_BYTES_MAX} bytes within memory`,
    fix: "Report it to the kernel's author.",
  });
}
