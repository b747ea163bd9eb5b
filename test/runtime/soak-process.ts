// Soak: a process that does a bit of everything, round after round, and says what is left of it.
//
//   node --expose-gc --max-old-space-size=64 soak-process.ts MS
//
// Each round sends, calls, floods, cancels, throws, publishes, saves, moves, launches, ends and kills. What it
// holds after a round must not depend on how many rounds there were.

import { pathToFileURL } from "node:url";
import { Failure } from "../../src/base/mod.ts";
import { createRuntime, type NodeRuntime } from "../../src/platform/node/mod.ts";
import { IDLE } from "../../src/ring/mod.ts";
import type { KernelHandle, LaunchOptions, Topics } from "../../src/runtime/mod.ts";
import { Add, ada, bob, Echo, Exit, Sink, Throw, Wait } from "./actors.fixture.ts";
import { until } from "./outcomes.ts";
import { plain, Put, Where } from "./seams.fixture.ts";

export interface SoakReport {
  readonly rounds: number;
  readonly calls: number;
  /** Of those, by code. */
  readonly failures: Readonly<Record<string, number>>;
  /** What must be empty. */
  readonly wrong: readonly string[];
  /** Bytes after each round: the heap, with buffers, and the process. */
  readonly heap: readonly number[];
  readonly process: readonly number[];
  /** Payload blocks that are free at the end, of all. */
  readonly free: readonly [number, number];
}

const BLOCKS = 64;
const SMALL = { inputQueueCapacity: 16, outputQueueCapacity: 16 } as const;
/** Launches that come and go in each round. */
const PASSING: readonly LaunchOptions[] = [
  { whenFull: "fail", profiling: true, credits: 8 },
  { whenFull: "drop-newest", gridSize: 2, checksum: true },
  { whenFull: "drop-oldest", priorities: true, deadLetters: true },
  { whenFull: "dead-letter", mode: "event-driven", deduplicate: { max: 64 } },
  { whenFull: "wait", rateLimit: { perSecond: 1e6, burst: 10 }, blockSize: 4, debug: true },
];

class Soak {
  readonly report = {
    ...{ rounds: 0, calls: 0, failures: {} as Record<string, number>, wrong: [] as string[] },
    ...{ heap: [] as number[], process: [] as number[], free: [0, BLOCKS] as [number, number] },
  };
  readonly #runtime: NodeRuntime;
  readonly #topics: Topics;
  #mover: KernelHandle<typeof plain>;
  #puts = 0;
  #published = 0;

  constructor(runtime: NodeRuntime, topics: Topics, mover: KernelHandle<typeof plain>) {
    this.#runtime = runtime;
    this.#topics = topics;
    this.#mover = mover;
  }

  static async begin(): Promise<Soak> {
    const runtime = createRuntime({
      ...{ threads: 2, idle: IDLE.wait, payloadBytesMax: 4096, payloadBlocks: BLOCKS },
      ...{ deadLetters: { max: 100 }, supervision: { maxRestarts: 1e9 } },
    });
    const topics = await runtime.topics();
    const steady = { ...SMALL, whenFull: "wait" } as const;
    await runtime.launch(ada, { ...steady, restart: "permanent", deadLetters: true });
    await runtime.launch(plain, {
      ...steady,
      id: "heard",
      subscribes: ["soak/*"],
      ownThread: true,
    });
    return new Soak(runtime, topics, await runtime.launch(plain, { ...steady, id: "mover" }));
  }

  async round(): Promise<void> {
    await this.#work();
    await this.#move();
    await this.#publish();
    await this.#pass();
    if (this.report.rounds++ % 4 === 3) await this.#crash();
    for (const _ of [1, 2, 3]) await new Promise((resume) => setImmediate(resume));
    globalThis.gc!();
    const { heapUsed, external, rss } = process.memoryUsage();
    this.report.heap.push(heapUsed + external);
    this.report.process.push(rss);
  }

  async end(): Promise<void> {
    const heard = await this.#runtime.getKernel("heard")!.call(Where, { nothing: 0 });
    const { count } = heard as unknown as { count: number };
    if (count < this.#published) this.#wrong(`${count} of ${this.#published} were heard`);
    for (const id of ["ada", "heard", "mover"]) await this.#runtime.getKernel(id)?.terminate();
    this.report.free[0] = await this.#freeBlocks();
    await this.#runtime.shutdown();
    const left = [...this.#runtime.listKernels(), this.#runtime.metrics.threads].join();
    if (left !== "0") this.#wrong(`left: ${left}`);
  }

  /** Calls of every outcome, and sends that fill the queue. */
  async #work(): Promise<void> {
    const kernel = this.#runtime.getKernel("ada") as KernelHandle<typeof ada>;
    const data = new Float64Array(100).fill(this.report.rounds);
    const calls: Promise<unknown>[] = [];
    for (let a = 0; a < 200; a++) {
      calls.push(this.#settled(kernel.call(Add, { a, b: 1 })));
      if (a % 4 === 0) calls.push(this.#settled(kernel.call(Echo, { data })));
      if (a % 10 === 0) calls.push(this.#settled(kernel.call(Throw, { why: a })));
      if (a % 20 === 0) {
        const signal = AbortSignal.timeout(1);
        calls.push(this.#settled(kernel.call(Wait, { ms: 2 }, { signal })));
        calls.push(this.#settled(kernel.call(Add, { a, b: 0 }, { ttlMs: -1 })));
      }
    }
    await Promise.all(calls);
    for (let i = 0; i < 10; i++) await kernel.sendWaiting(i % 2 ? Sink : Echo, { data });
    await kernel.call(Add, { a: 1, b: 1 });
    const { sent, messagesProcessed, failed, inHand } = kernel.metrics;
    if (sent !== messagesProcessed + failed + inHand)
      this.#wrong(`sent ${sent}, ended ${messagesProcessed} and ${failed}, in hand ${inHand}`);
  }

  /** A kernel moves under load, and goes on from a checkpoint. */
  async #move(): Promise<void> {
    const moved = this.#mover.move();
    for (let n = 0; n < 100; n++) await this.#mover.sendWaiting(Put, { n });
    this.#puts += 100;
    await moved;
    const { count } = await this.#mover.call(Where, { nothing: 0 });
    if (count !== this.#puts) this.#wrong(`${count} of ${this.#puts} were put`);
    const restore = await this.#mover.checkpoint();
    await this.#mover.terminate();
    const options = { ...SMALL, id: "mover", whenFull: "wait", restore } as const;
    this.#mover = await this.#runtime.launch(plain, options);
  }

  async #publish(): Promise<void> {
    for (let n = 0; n < 20; n++) {
      const { matched } = await this.#topics.publish("soak/n", Put, { n }, { qos: 1 });
      if (matched === 1) this.#published++;
      else this.#wrong(`matched ${matched}`);
    }
    while ((await this.#topics.metrics()).subscribers["heard"]!.lag > 0);
  }

  async #pass(): Promise<void> {
    const data = new Float64Array(20);
    for (const options of PASSING) {
      const kernel = await this.#runtime.launch(bob, { ...SMALL, ...options });
      for (let i = 0; i < 40; i++) {
        try {
          if (i % 2 === 0) kernel.send(Echo, { data });
          else kernel.send(Throw, { why: i });
        } catch (error) {
          this.#failed(error);
        }
      }
      await this.#settled(kernel.call(Add, { a: 1, b: 2 }));
      await this.#settled(kernel.receiveTimeout(Echo, 1000));
      if (options.profiling === true) void kernel.trace().traceEvents;
      await kernel.terminate({ timeoutMs: 5 });
    }
    this.#runtime.deadLetters.take();
  }

  /** A thread dies, and what it served is launched again. */
  async #crash(): Promise<void> {
    const kernel = this.#runtime.getKernel("ada") as KernelHandle<typeof ada>;
    const { generation } = kernel;
    kernel.send(Exit, { code: 1 });
    await until(() => {
      const now = this.#runtime.getKernel("ada");
      return now?.isActive === true && now.generation > generation;
    });
    if (!this.#mover.isTerminated) return;
    const id = "mover";
    this.#puts = 0;
    this.#mover = await this.#runtime.launch(plain, { ...SMALL, id, whenFull: "wait" });
  }

  async #settled(call: Promise<unknown>): Promise<void> {
    this.report.calls++;
    await call.catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    if (!(error instanceof Failure)) return this.#wrong(String(error));
    this.report.failures[error.code] = (this.report.failures[error.code] ?? 0) + 1;
  }

  #wrong(what: string): void {
    if (this.report.wrong.length < 20) this.report.wrong.push(what);
  }

  /** Sends to a kernel that takes its time, until no block is free. */
  async #freeBlocks(): Promise<number> {
    const options = { mode: "event-driven", inputQueueCapacity: 2 * BLOCKS } as const;
    const kernel = await this.#runtime.launch(bob, options);
    let free = 0;
    try {
      for (const data = new Float64Array(100); ; free++) kernel.send(Sink, { data });
    } catch (error) {
      this.#failed(error);
    }
    await kernel.terminate();
    return free;
  }
}

if (pathToFileURL(process.argv[1]!).href === import.meta.url) {
  const soak = await Soak.begin();
  const end = performance.now() + Number(process.argv[2]);
  do await soak.round();
  while (performance.now() < end);
  await soak.end();
  process.stdout.write(JSON.stringify(soak.report satisfies SoakReport)); // And then it ends by itself.
}
