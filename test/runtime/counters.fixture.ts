// A kernel whose every end of a message can be counted, as a module that threads load.

import { message, u32 } from "../../src/message/mod.ts";
import { defineKernel } from "../../src/runtime/mod.ts";

export const Echo = message({ number: u32 }, { name: "Echo" });
export const Throw = message({ number: u32 }, { name: "Throw" });
export const Wait = message({ ms: u32 }, { name: "Wait" });
/** Emits so many, of which the host knows the first kind only. */
export const Emit = message({ known: u32 }, { name: "Emit" });
export const Known = message({ number: u32 }, { name: "Known" });
/** Nobody takes it. */
export const Stray = message({ number: u32 }, { name: "Stray" });

export const counted = defineKernel({
  id: "counted",
  module: import.meta.url,
  emits: [Known],
  on: [
    Echo.to(Echo, ({ number }) => ({ number })),
    Throw.do(() => {
      throw new Error("told to");
    }),
    Wait.do(({ ms }) => new Promise((resolve) => setTimeout(resolve, ms))),
    Emit.do(({ known }, context) => {
      for (let number = 0; number < known; number++) context.emit(Known, { number });
    }),
  ],
});
