// Kernels that hang, and that only seem to, as a module that threads load.

import { message, u32 } from "../../message/mod.ts";
import { defineKernel } from "../../runtime/mod.ts";

export const Ping = message({ number: u32 }, { name: "Ping" });
/** Never returns. */
export const Hang = message({ number: u32 }, { name: "Hang" });
/** Never returns, once it has awaited. */
export const HangLater = message({ number: u32 }, { name: "HangLater" });
export const Sleep = message({ ms: u32 }, { name: "Sleep" });

function forever(): never {
  for (;;);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const on = [
  Ping.to(Ping, ({ number }) => ({ number })),
  Hang.do(forever),
  HangLater.do(async () => {
    await sleep(1);
    forever();
  }),
  Sleep.to(Ping, async ({ ms }) => {
    await sleep(ms);
    return { number: ms };
  }),
] as const;

export const sick = defineKernel({ id: "sick", module: import.meta.url, on });
export const well = defineKernel({ id: "well", module: import.meta.url, on });
