// Opcodes that the tests' executor threads load by URL.

import { Opcodes } from "../../ring/mod.ts";

export const opcodes = new Opcodes()
  .register({
    ...{ name: "double", code: 8, arity: 2, bound: 4, idempotent: false },
    body: ({ args: [from = 0, to = 0], read, write }) => {
      write(to, read(from) * 2);
      return undefined;
    },
  })
  .register({
    ...{ name: "never ends", code: 9, arity: 0, bound: 1, idempotent: true },
    body: () => {
      for (;;); // Host code is trusted: only its thread's end stops it.
    },
  });
