// Where a kernel's time goes: a trace for Chrome's performance panel or Perfetto, and what the metrics say.
//
//   node examples/17-profile.ts [trace.json]

import { defineKernel, message, Runtime, text, u32 } from "../src/runtime.node.ts";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";

const Primes = message({ below: u32 }, { name: "Primes" });
const Fetch = message({ ms: u32 }, { name: "Fetch" });
const Done = message({ count: u32, how: text() });

export const busy = defineKernel({
  id: "busy",
  module: import.meta.url,
  on: [
    Primes.to(Done, ({ below }) => {
      let count = 0;
      for (let n = 2; n < below; n++) {
        let d = 2;
        while (d * d <= n && n % d !== 0) d++;
        if (d * d > n) count++;
      }
      return { count, how: "in one go" };
    }),
    Fetch.to(Done, async ({ ms }) => {
      await sleep(ms); // Its lane shows it as long; the thread goes on with other messages.
      return { count: ms, how: "awaited" };
    }),
  ],
});

if (isMainThread) {
  const file = process.argv[2] ?? join(await mkdtemp(join(tmpdir(), "annulus-")), "trace.json");
  await using runtime = await Runtime.create({ latencySampling: 1 });
  await using kernel = await runtime.launch(busy, { profiling: true, blockSize: 4 });
  const fetches = [20, 10, 5].map((ms) => kernel.call(Fetch, { ms }));
  const primes = [1e3, 1e4, 1e5].map((below) => kernel.call(Primes, { below }));
  await Promise.all([...fetches, ...primes]);

  const trace = runtime.trace();
  await writeFile(file, JSON.stringify(trace));
  const slices = trace.traceEvents.filter((event) => event.ph === "X");
  const longest = slices.toSorted((a, b) => b.dur - a.dur)[0]!;
  console.log(`${slices.length} messages in ${file}, ${trace.otherData.overwritten} written over`);
  console.log(`the longest: ${longest.name}, ${(longest.dur / 1000).toFixed(1)} ms`);
  const { latency, handling } = kernel.metrics;
  console.log(`handled in ${handling!.p50Us.toFixed(0)} µs, half of ${handling!.count}`);
  console.log(`answered in ${latency.p50Us.toFixed(0)} µs, half of ${latency.count}`);
}
