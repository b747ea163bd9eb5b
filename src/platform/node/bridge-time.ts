// Bridge time: the clock and the timers of a bridge. Timers know milliseconds; what is sooner waits in turns.

import type { BridgeTime } from "../../bridge/mod.ts";

export const bridgeTime: BridgeTime = {
  nowMs: () => performance.now(),
  after(ms, run) {
    if (ms >= 1) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    }
    const until = performance.now() + ms;
    const look = (): void => {
      if (performance.now() >= until) run();
      else next = setImmediate(look);
    };
    let next = setImmediate(look);
    return () => clearImmediate(next);
  },
};
