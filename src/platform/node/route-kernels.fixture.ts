// Kernels that send to each other, for tests.

import { type KernelContext, list, message, text, u32 } from "../../message/mod.ts";
import { defineKernel } from "../../runtime/mod.ts";

export const Ball = message({ round: u32 }, { name: "Ball" });
export const Report = message({ source: u32, round: u32, status: text() });
export const Ask = message({ number: u32 }, { name: "Ask" });
export const Answer = message({ number: u32 }, { name: "Answer" });
/** Sends as many as it says, and answers with what became of the last. */
export const Flood = message({ count: u32 });
export const Status = message({ status: text() });
/** Its thread ends while it writes one of these to the doubler: to the slot, or to a block. */
export const Fall = message({ inBlock: u32 });
const Large = message({ number: u32, bytes: list("u8") }, { name: "Large" });

/** Throws each ball back, and reports what became of it. */
function player(id: string, other: string) {
  return defineKernel({
    id,
    module: import.meta.url,
    on: [
      Ball.to(Report, ({ round }, context) => {
        const status = context.send(other, Ball, { round: round + 1 });
        return { source: context.source, round, status };
      }),
    ],
  });
}

export const ping = player("ping", "pong");
export const pong = player("pong", "ping");

/** Asks the doubler for each answer. */
export const asker = defineKernel({
  id: "asker",
  module: import.meta.url,
  on: [
    Ask.to(Answer, async ({ number }, context) => {
      const { number: doubled } = await context.call("doubler", Ask, { number }, Answer);
      return { number: doubled + 1 };
    }),
    Flood.to(Status, ({ count }, context) => {
      let status = "";
      for (let number = 0; number < count; number++)
        status = context.send("doubler", Ask, { number });
      return { status };
    }),
    Fall.do(({ inBlock }, context) => {
      const fatal = {
        bytes: new Uint8Array(4096),
        get number(): number {
          return process.exit(3);
        },
      };
      if (inBlock === 0) context.send("doubler", Ask, fatal);
      else context.send("doubler", Large, fatal);
    }),
  ],
});

interface Doubler {
  asked: number;
}

export const doubler = defineKernel({
  id: "doubler",
  module: import.meta.url,
  start: (): Doubler => ({ asked: 0 }),
  on: [
    Ask.to(Answer, ({ number }, context: KernelContext<Doubler>) => {
      if (number === 13) throw new Error("unlucky");
      context.state.asked++;
      return { number: 2 * number };
    }),
  ],
});
