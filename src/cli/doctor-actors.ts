// Doctor actors: what kernels that live on threads need, down to a call that another thread answers.

import { dirname } from "node:path";
import { threadId } from "node:worker_threads";
import { createClockMemory, HybridClock } from "../message/mod.ts";
import {
  attachMonitor,
  type BackendName,
  createRuntime,
  monitorPlaces,
  startMonitor,
} from "../platform/node/mod.ts";
import { ALLOW_THREADS, attempted, type Check } from "./doctor-check.ts";
import { Ping, pinger } from "./doctor-kernel.ts";

const CALLS = 1000;
/** Patience with a busy machine; what works takes milliseconds. */
const WAIT_MS_MAX = 5000;

export async function actorChecks(): Promise<readonly Check[]> {
  const rings = await attempted({
    name: "rings",
    expected: "a kernel on another thread that answers calls",
    turnOn: ALLOW_THREADS,
    attempt: callKernel,
  });
  const [folder] = monitorPlaces();
  return [
    await attempted({
      name: "Atomics.waitAsync",
      expected: "wakes who waits, without blocking the thread",
      turnOn: "Use Node 24 or later.",
      attempt: waitAndWake,
    }),
    await attempted({
      name: "clock in WebAssembly",
      expected: "stamps that only grow",
      turnOn: "Start Node without --jitless.",
      attempt: tickClock,
    }),
    rings,
    ...backendChecks(rings),
    await attempted({
      name: "monitor",
      expected: "a socket that only this user can open, for `annulus top`",
      needed: false,
      turnOn: `Let ${folder} be written to (--allow-fs-write=${folder} if Node has --permission).`,
      attempt: watchItself,
    }),
  ];
}

async function waitAndWake(): Promise<string> {
  const words = new Int32Array(new SharedArrayBuffer(4));
  const { async: isAsync, value } = Atomics.waitAsync(words, 0, 0, WAIT_MS_MAX);
  if (!isAsync) throw new Error(`no wait, but "${value}"`);
  const timer = setTimeout(() => {}, WAIT_MS_MAX); // The wait alone does not keep the process alive.
  try {
    const start = performance.now();
    Atomics.notify(words, 0);
    const how = await value;
    if (how !== "ok") throw new Error(`a wait that ended with "${how}"`);
    return `woken after ${(performance.now() - start).toFixed(2)} ms`;
  } finally {
    clearTimeout(timer);
  }
}

function tickClock(): string {
  const clock = new HybridClock(createClockMemory(), { now: Date.now });
  for (let i = 0; i < CALLS; i++) {
    const { hi, lo } = clock;
    clock.tick();
    if (HybridClock.compare(hi, lo, clock.hi, clock.lo) >= 0)
      throw new Error(`stamp ${i} not after the one before`);
  }
  return `${CALLS} stamps, each after the one before`;
}

async function callKernel(): Promise<string> {
  await using runtime = createRuntime({ backend: "worker", threads: 1 });
  const start = performance.now();
  const kernel = await runtime.launch(pinger);
  const launched = performance.now();
  const times: number[] = [];
  for (let number = 0; number < CALLS; number++) {
    const called = performance.now();
    const pong = await kernel.call(Ping, { number }, { timeoutMs: WAIT_MS_MAX });
    times.push(performance.now() - called);
    if (pong.number !== number + 1 || pong.thread === threadId)
      throw new Error(`answer ${pong.number} of thread ${pong.thread} to ${number}`);
  }
  const first = times[0]!;
  const median = times.toSorted((a, b) => a - b)[CALLS / 2]!;
  return [
    `a kernel on another thread: launched in ${(launched - start).toFixed(0)} ms`,
    `first call ${first.toFixed(2)} ms, median of ${CALLS} ${(median * 1000).toFixed(1)} us`,
  ].join(", ");
}

/** What can serve kernels here, and why what would be better cannot. */
function backendChecks({ ok, turnOn }: Check): readonly Check[] {
  const { refusals } = createRuntime({ backend: "auto" });
  const there: Readonly<Record<BackendName, Omit<Check, "name" | "expected">>> = {
    worker: { ok, needed: true, found: ok ? "kernels on threads" : "see rings", turnOn },
    null: { ok: true, needed: true, found: "kernels in turns of the caller", turnOn: "It is on." },
  };
  const refused = Object.entries(refusals).map(([name, found]) => {
    const turnOn = "No flag or package turns it on in this version.";
    return [name, { ok: false, needed: false, found, turnOn }] as const;
  });
  return [...Object.entries(there), ...refused].map(([name, facts]) => ({
    ...{ name: `backend ${name}`, expected: "there" },
    ...facts,
  }));
}

async function watchItself(): Promise<string> {
  await using runtime = createRuntime({ backend: "null" });
  await using monitor = await startMonitor(runtime);
  const { client } = await attachMonitor(monitor.path);
  try {
    await client.snapshot();
  } finally {
    client.end();
  }
  return `a socket for this user only, under ${dirname(monitor.path)}`;
}
