import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const MOD = new URL("./keep-alive.ts", import.meta.url);
const RING = new URL("../../ring/mod.ts", import.meta.url);

/** A process that awaits a slot which a thread completes after a while: what it prints before it ends. */
function awaiting(keepAlive: string): string {
  const script = `
    import { Worker } from "node:worker_threads";
    import { createRing, Ring, slotMessage, Tickets } from ${JSON.stringify(RING.href)};
    import { keepAlive } from ${JSON.stringify(MOD.href)};
    const memory = createRing({ slots: 2 });
    const ring = new Ring(memory);
    const thread = \`
      import(${JSON.stringify(RING.href)}).then(({ Ring }) => {
        const { workerData } = require("node:worker_threads");
        const ring = new Ring(workerData);
        const into = new Int32Array(1);
        while (ring.claim(1, into) === 0);
        setTimeout(() => ring.complete(into[0]), 50);
      });\`;
    new Worker(thread, { eval: true, execArgv: [], workerData: memory }).unref();
    const tickets = new Tickets(ring, ${keepAlive});
    const outcome = tickets.outcome(ring.offer(slotMessage(0), 1, { held: true }));
    outcome.then(({ state }) => console.log(state));
  `;
  const args = ["--input-type=module", "--eval", script];
  return spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 }).stdout;
}

test("keepAlive holds the process until the outcome is there, and lets it end then", () => {
  expect(awaiting("keepAlive")).toBe("done\n");
  expect(awaiting("() => () => {}")).toBe(""); // Without it, Node ends first.
});
