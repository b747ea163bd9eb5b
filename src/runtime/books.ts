// Books: what a runtime counts over all its kernels, those too that have ended.

import { Histogram } from "./histogram.ts";
import type { KernelHandle } from "./kernel-handle.ts";
import { type LatencyFacts, latencyFacts } from "./latency.ts";

export interface RuntimeMetrics {
  readonly activeKernels: number;
  readonly totalLaunched: number;
  /** Kernels that supervision launched again. */
  readonly restarts: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly threads: number;
  /** Bytes of the queues, the pool, the clock, the words of kernels and threads, profiles and histograms. */
  readonly hostMemoryBytes: number;
  /** Of the host's calls to all kernels. */
  readonly latency: LatencyFacts;
}

export class Books {
  /** Launches, by supervision too. */
  launched = 0;
  restarts = 0;
  #sent = 0;
  #received = 0;
  #latency: Histogram | undefined;

  /** A kernel has ended: its counts stay. */
  close({ traffic: { sent, received }, latency }: KernelHandle): void {
    this.#sent += sent;
    this.#received += received;
    if (latency === undefined) return;
    this.#latency ??= new Histogram(new Int32Array(Histogram.wordsNeeded));
    this.#latency.mergeFrom(latency);
  }

  /** `bytes`: of what no kernel has for itself. */
  metrics(kernels: readonly KernelHandle[], threads: number, bytes: number): RuntimeMetrics {
    const traffic = kernels.map((kernel) => kernel.traffic);
    const own = this.#latency === undefined ? 0 : 4 * Histogram.wordsNeeded;
    return {
      activeKernels: kernels.filter(({ isActive }) => isActive).length,
      ...{ totalLaunched: this.launched, restarts: this.restarts, threads },
      messagesSent: traffic.reduce((sum, { sent }) => sum + sent, this.#sent),
      messagesReceived: traffic.reduce((sum, { received }) => sum + received, this.#received),
      hostMemoryBytes: kernels.reduce((sum, { memoryBytes }) => sum + memoryBytes, bytes + own),
      latency: latencyFacts([this.#latency, ...kernels.map(({ latency }) => latency)]),
    };
  }
}
