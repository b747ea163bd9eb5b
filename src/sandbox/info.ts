// Info: asks a kernel what it is. Everything it answers is the author's word, and is bounded here.

import { Failure, SANDBOX_LIMITS } from "../base/mod.ts";
import { KERNEL_INFO } from "../layout/mod.ts";
import type { KernelInstance } from "./instance.ts";
import { clean } from "./trap-frame.ts";

export interface KernelInfo {
  readonly name: string;
  readonly version: string;
  readonly supportsBackward: boolean;
}

/** Calls kernel_info. Fails with DESCRIPTOR_INVALID where its name lies outside memory. */
export function readInfo(instance: KernelInstance): KernelInfo {
  const { arena } = instance;
  instance.ready();
  const mark = arena.mark();
  try {
    const at = arena.allocate(KERNEL_INFO.bytes);
    instance.tensor("u8", at, KERNEL_INFO.bytes).fill(0); // What the kernel leaves out is zero.
    instance.call("kernel_info", [at]);
    return infoAt(instance, at);
  } finally {
    arena.release(mark);
  }
}

function infoAt(instance: KernelInstance, at: number): KernelInfo {
  const { program, view } = instance;
  const field = KERNEL_INFO.fields;
  const nameAt = view.getUint32(at + field.name_ptr.at, true);
  const length = view.getUint32(at + field.name_len.at, true);
  const name =
    length <= SANDBOX_LIMITS.kernelNameBytesMax ? instance.copyOf(nameAt, length) : undefined;
  if (name === undefined) throw nameOutside(program.kernel, nameAt, length);
  const part = (offset: number): number => view.getUint16(at + offset, true);
  return {
    name: clean(new TextDecoder().decode(name)),
    version: `${part(field.major.at)}.${part(field.minor.at)}.${part(field.patch.at)}`,
    supportsBackward: view.getUint8(at + field.supports_backward.at) === 1,
  };
}

function nameOutside(kernel: string, at: number, length: number): Failure {
  return new Failure("DESCRIPTOR_INVALID", {
    at: `kernel "${kernel}", kernel_info`,
    found: `a name of ${length} bytes at ${at}`,
    expected: `at most ${SANDBOX_LIMITS.kernelNameBytesMax} bytes within memory`,
    fix: "Report it to the kernel's author.",
  });
}
