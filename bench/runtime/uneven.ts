// A kernel whose messages say how long they take, as a module that threads load.

import { defineKernel, message, u32 } from "../../src/runtime.node.ts";

export const Work = message({ number: u32, us: u32 }, { name: "Work" });
const Done = message({ number: u32 });

export const uneven = defineKernel({
  id: "uneven",
  module: import.meta.url,
  on: [
    Work.to(Done, ({ number, us }) => {
      const end = performance.now() + us / 1000;
      while (performance.now() < end);
      return { number };
    }),
  ],
});
