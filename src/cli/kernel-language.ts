// Kernel language: the languages that kernels are written in, as a command line names them.

import { Failure } from "../base/mod.ts";
import { KERNEL_LANGUAGES, type KernelLanguage } from "../layout/print.ts";

export const LANGUAGE_OPTION = `--lang <language>`;
export const LANGUAGE_LIST = KERNEL_LANGUAGES.join(", ");

/** The language of a name. Fails with USAGE for any other. */
export function languageOf(name: string): KernelLanguage {
  const language = KERNEL_LANGUAGES.find((known) => known === name);
  if (language !== undefined) return language;
  throw new Failure("USAGE", {
    at: "--lang",
    found: JSON.stringify(name),
    expected: `one of ${LANGUAGE_LIST}`,
    fix: "Name one of them, spelt out.",
  });
}
