// Print kernel: what an author includes for kernels of their own, in the language they write in.
//
// One file holds the ABI and is the same for every kernel; one file per kernel holds the accessors of
// its parameter block and fills `kernel_info`. Each includes nothing but the ABI beside it.

import { Failure } from "../base/mod.ts";
import { constantName, pascal, snake, spellAll } from "./names.ts";
import { type KernelDeclaration, paramsLayout } from "./params.ts";
import { paramsAccessorsAs, printAbiAs } from "./print-as.ts";
import { paramsAccessorsC, printAbiC } from "./print-c.ts";
import { paramsAccessorsRust, printAbiRust } from "./print-rust.ts";

export const KERNEL_LANGUAGES = ["assemblyscript", "c", "rust"] as const;
export type KernelLanguage = (typeof KERNEL_LANGUAGES)[number];

/** A kernel as its manifest declares it, with the pack's version: what `kernel_info` tells. */
export interface PrintableKernel extends KernelDeclaration {
  readonly id: string;
  readonly version: string;
  /** The inputs that have gradients: with any, `kernel_info` says that there are some. */
  readonly gradients?: readonly string[] | undefined;
}

/** The files by name. Fails with PARAM_INVALID where a name of the manifest makes no identifier. */
export function accessorFiles(
  language: KernelLanguage,
  kernels: readonly PrintableKernel[],
  header: string,
): ReadonlyMap<string, string> {
  const { extension, abi, kernel: print } = PRINTERS[language];
  const files = new Map([[`abi${extension}`, abi(header)]]);
  for (const kernel of kernels) {
    const name = `${kernel.id}${extension}`;
    if (files.has(name)) throw nameTaken(name);
    files.set(name, print(kernel, header));
  }
  return files;
}

interface Printer {
  readonly extension: string;
  readonly abi: (header: string) => string;
  readonly kernel: (kernel: PrintableKernel, header: string) => string;
}

const PRINTERS: Readonly<Record<KernelLanguage, Printer>> = {
  assemblyscript: { extension: ".as.ts", abi: printAbiAs, kernel: printAs },
  c: { extension: ".h", abi: printAbiC, kernel: printC },
  rust: { extension: ".rs", abi: printAbiRust, kernel: printRust },
};

function printAs(kernel: PrintableKernel, header: string): string {
  const { id } = kernel;
  const name = new TextEncoder().encode(id);
  return `// ${header}

import { OK, writeKernelInfo } from "./abi.as";

${paramsAccessorsAs(id, paramsLayout(kernel))}
const NAME = memory.data<u8>([${name.join(", ")}]);

/** Fills what kernel_info is given: ${about(kernel)}. */
export function writeInfo(info: usize): i32 {
  writeKernelInfo(info, <u32>NAME, ${name.length}, ${versionParts(kernel).join(", ")}, ${backward(kernel)});
  return OK;
}
`;
}

function printC(kernel: PrintableKernel, header: string): string {
  const { id } = kernel;
  const guard = `ANNULUS_KERNEL_${constantName(id)}_H`;
  return `/* ${header} */
#ifndef ${guard}
#define ${guard}

#include "abi.h"

${paramsAccessorsC(id, paramsLayout(kernel))}
/* Fills what kernel_info is given: ${about(kernel)}. */
static inline int32_t annulus_${snake(id)}_info(struct annulus_kernel_info *info) {
  static const char name[] = "${id}";
  *info = (struct annulus_kernel_info){
      (uint32_t)(uintptr_t)name, sizeof name - 1, ${versionParts(kernel).join(", ")}, ${backward(kernel)}, {0}};
  return ANNULUS_OK;
}

#endif
`;
}

function printRust(kernel: PrintableKernel, header: string): string {
  const { id } = kernel;
  const [major, minor, patch] = versionParts(kernel);
  spellAll([id], pascal, new Set()); // An id that begins with a digit makes no Rust type.
  return `// ${header}

use crate::abi::{KernelInfo, OK};

${paramsAccessorsRust(id, paramsLayout(kernel))}
/// Fills what kernel_info is given: ${about(kernel)}.
pub fn write_info(info: &mut KernelInfo) -> i32 {
    const NAME: &str = "${id}";
    *info = KernelInfo {
        name_ptr: NAME.as_ptr() as usize as u32,
        name_len: NAME.len() as u32,
        major: ${major},
        minor: ${minor},
        patch: ${patch},
        supports_backward: ${backward(kernel)},
        pad: [0; 1],
    };
    OK
}
`;
}

function about(kernel: PrintableKernel): string {
  return `${kernel.id} ${kernel.version}, ${backward(kernel) === 1 ? "with" : "without"} gradients`;
}

function backward({ gradients = [] }: PrintableKernel): 0 | 1 {
  return gradients.length > 0 ? 1 : 0;
}

/** The three numbers of a version, without what may follow them. Each has 16 bits. */
function versionParts({ id, version }: PrintableKernel): readonly number[] {
  const parts = (/^\d+\.\d+\.\d+/.exec(version)?.[0] ?? "").split(".").map(Number);
  if (parts.length === 3 && parts.every((part) => part < 2 ** 16)) return parts;
  throw new Failure("PARAM_INVALID", {
    at: `kernel "${id}", version`,
    found: version,
    expected: "three numbers below 65536",
    fix: "Correct the pack's version.",
  });
}

function nameTaken(name: string): Failure {
  return new Failure("PARAM_INVALID", {
    at: name,
    found: "two files of this name",
    expected: "a kernel id beside abi, each once",
    fix: "Rename the kernel.",
  });
}
