// Runtime on Node: worker threads serve kernels, timers keep the process alive while answers are awaited.

import { availableParallelism } from "node:os";
import { Failure } from "../../base/mod.ts";
import {
  type KernelDefinition,
  type KernelHandle,
  type LaunchOptions,
  Runtime,
  type RuntimeOptions,
  type RuntimeParts,
} from "../../runtime/mod.ts";
import { IDLE } from "../../ring/core.ts";
import type { CallShapes } from "../../sandbox/mod.ts";
import { BACKENDS, type BackendName } from "./backends.ts";
import { newestCheckpoint } from "./checkpoint-file.ts";
import { every, pause } from "./event-loop.ts";
import { keepAlive } from "./keep-alive.ts";
import type { Monitor, MonitorOptions } from "./monitor-socket.ts";
import { notify } from "./notices.ts";
import type { PackKernel } from "./pack-kernel.ts";
import type { PackLaunchOptions } from "./pack-launch.ts";
import { ownServingThread, startServingThread } from "./serving-thread.ts";

/**
 * Unix milliseconds for stamps. Reading the clock costs as much as sending a message, so it is read for
 * every sixteenth stamp, and for the first after a turn of the event loop.
 */
function cheapWall(): () => number {
  let [now, left, isArmed] = [0, 0, false];
  const turn = (): void => {
    isArmed = false;
    left = 0;
  };
  return () => {
    if (left-- > 0) return now;
    if (!isArmed) setImmediate(turn).unref();
    isArmed = true;
    left = 15;
    now = Date.now();
    return now;
  };
}

const NODE: Omit<RuntimeParts, "backend" | "refusals"> = {
  startThread: ({ spec, idle }) => startServingThread({ spec, idle: idle ?? IDLE.spinThenWait }),
  ownThread: (spec) => ownServingThread(spec, pause),
  threadsMax: Math.max(1, availableParallelism() - 1),
  keepAlive,
  pause,
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  stampMs: cheapWall(),
  readCheckpoint: newestCheckpoint,
  repeat: every,
  notify,
};

/** Why each backend that `auto` would rather have taken is not there. */
const REFUSED: Readonly<Record<string, string>> = {
  cuda: "this version of annulus has no CUDA backend",
  webgpu: "this version of annulus has no WebGPU backend",
};

export interface NodeRuntimeOptions extends RuntimeOptions {
  /** `auto`: the best that is there, which is `worker`. */
  readonly backend?: BackendName | "auto";
  /** The device of a backend that has several: 0. Threads are one device. */
  readonly device?: number;
  /** Lets this user watch it with `annulus top`: false. */
  readonly monitor?: boolean | MonitorOptions;
}

/** A runtime that also launches kernels of packs, which it verifies again on their threads. */
export class NodeRuntime extends Runtime {
  readonly #monitors = new Set<Monitor>();
  #isOver = false;

  /**
   * Offers it to be watched, until disposed of or until the shutdown. Fails with MONITOR_UNAVAILABLE or
   * RUNTIME_CLOSED.
   */
  async monitor(options?: MonitorOptions): Promise<Monitor> {
    const { startMonitor } = await import("./monitor-socket.ts"); // Few are watched, and every thread loads this file.
    const monitor = await startMonitor(this, options);
    this.#monitors.add(monitor);
    if (!this.#isOver) return monitor;
    await monitor[Symbol.asyncDispose]();
    throw over();
  }

  override async shutdown(
    ...options: Parameters<Runtime["shutdown"]>
  ): ReturnType<Runtime["shutdown"]> {
    this.#isOver = true;
    try {
      return await super.shutdown(...options);
    } finally {
      for (const monitor of this.#monitors) await monitor[Symbol.asyncDispose]();
    }
  }

  /** Launches kernel `id` of a verified pack in a sandbox. See `PackKernel`. */
  override launch<const Inputs extends CallShapes>(
    id: string,
    options: PackLaunchOptions<Inputs>,
  ): Promise<PackKernel<Inputs>>;
  override launch<Kernel = KernelDefinition>(
    source: Kernel | string,
    options?: LaunchOptions,
  ): Promise<KernelHandle<Kernel>>;
  override async launch<Kernel>(
    source: Kernel | string,
    options: LaunchOptions | PackLaunchOptions = {},
  ): Promise<KernelHandle<Kernel> | PackKernel> {
    if (!("pack" in options)) return super.launch(source, options);
    const { launchPackKernel } = await import("./pack-launch.ts"); // It loads the sandbox: see monitor().
    return launchPackKernel((...launch) => super.launch(...launch), String(source), options);
  }
}

/**
 * A runtime on this process's threads, or on none. Fails with BACKEND_UNAVAILABLE for any other backend, with
 * OPTION_UNSUPPORTED for a device that it has not.
 */
export function createRuntime({
  backend = "auto",
  device = 0,
  ...options
}: Omit<NodeRuntimeOptions, "monitor"> = {}): NodeRuntime {
  if (backend !== "auto" && !BACKENDS.includes(backend)) throw unavailable(backend);
  if (device !== 0) throw noDevice(device);
  const own = backend === "null";
  const refusals = backend === "auto" ? REFUSED : {};
  return new NodeRuntime({ ...NODE, backend: own ? "null" : "worker", refusals }, options);
}

function noDevice(device: number): Failure {
  return new Failure("OPTION_UNSUPPORTED", {
    ...{ at: "device", found: String(device), expected: "0: threads are one device" },
    fix: "Change or leave out the option.",
  });
}

/** As createRuntime, with its first threads and its monitor. Fails with MONITOR_UNAVAILABLE too. */
export async function openRuntime({
  monitor = false,
  ...options
}: NodeRuntimeOptions = {}): Promise<NodeRuntime> {
  const runtime = createRuntime(options);
  try {
    await runtime.start();
    if (monitor !== false) await runtime.monitor(monitor === true ? {} : monitor);
    return runtime;
  } catch (error) {
    await runtime.shutdown();
    throw error;
  }
}

function over(): Failure {
  return new Failure("RUNTIME_CLOSED", {
    ...{ at: "monitor", found: "a runtime that was shut down", expected: "one that runs" },
    fix: "Create another.",
  });
}

function unavailable(backend: string): Failure {
  return new Failure("BACKEND_UNAVAILABLE", {
    at: `backend ${backend}`,
    found: REFUSED[backend] ?? "no backend of that name",
    expected: ["auto", ...BACKENDS].join(", "),
    fix: "Take `auto`, which says why it refuses each better one.",
  });
}
