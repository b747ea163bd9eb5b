// Peers: packages that the benchmarks compare with. They are no part of the project: onnxruntime-node
// alone unpacks to 290 MB and has an install script that wants to download more. So they have a folder
// of their own, `npm run bench:peers` installs them there without running any script, and `npm ci`
// never sees them. Where one is missing, its rows say so and the rest is measured.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export type Opened<Peer> =
  | { readonly opened: true; readonly peer: Peer; readonly version: string }
  | { readonly opened: false; readonly why: string };

/** The few methods of `@extism/extism` that are used. */
export interface Extism {
  createPlugin(
    manifest: { readonly wasm: readonly { readonly data: Uint8Array }[] },
    options: { readonly useWasi: boolean; readonly runInWorker: boolean },
  ): Promise<{ call(name: string): Promise<unknown>; close(): Promise<void> }>;
}

export interface OnnxTensor {
  readonly data: unknown;
}

export interface OnnxSession {
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    /** Where to write each output; null makes a new tensor. */
    fetches: Readonly<Record<string, OnnxTensor | null>>,
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** The few methods of `onnxruntime-node` and `onnxruntime-web` that are used. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => OnnxTensor;
  readonly env: { readonly wasm: { numThreads?: number } };
}

export type OnnxRuntimeName = "onnxruntime-node" | "onnxruntime-web";

export function openExtism(): Opened<Extism> {
  return open("@extism/extism");
}

/** `onnxruntime-web` runs in Node too: the same WebAssembly, with vectors, that a browser gets. */
export function openOnnxRuntime(name: OnnxRuntimeName): Opened<OnnxRuntime> {
  return open(name);
}

/** The few methods of `piscina` that are used. */
export interface Piscina {
  run(task: unknown): Promise<unknown>;
  destroy(): Promise<void>;
}

export function openPiscina(): Opened<{ readonly Piscina: new (options: object) => Piscina }> {
  return open("piscina");
}

/** The few methods of `comlink` that are used. */
export function openComlink(): Opened<{
  readonly wrap: (endpoint: unknown) => {
    add(values: { readonly a: number; readonly b: number }): Promise<{ readonly value: number }>;
  };
}> {
  return open("comlink");
}

/** The few methods of `workerpool` that are used. */
export function openWorkerpool(): Opened<{
  readonly pool: (
    script: string,
    options: object,
  ) => {
    exec(method: string, args: readonly unknown[]): PromiseLike<unknown>;
    terminate(): PromiseLike<unknown>;
  };
}> {
  return open("workerpool");
}

export function openRingbuf(): Opened<{
  readonly RingBuffer: {
    getStorageForCapacity(capacity: number, type: unknown): SharedArrayBuffer;
  };
}> {
  return open("ringbuf.js");
}

function open<Peer>(name: string): Opened<Peer> {
  const { dependencies } = require("./package.json") as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  try {
    return { opened: true, peer: require(name) as Peer, version: dependencies[name]! };
  } catch (error) {
    if ((error as { code?: unknown }).code !== "MODULE_NOT_FOUND")
      return { opened: false, why: String(error) };
    return { opened: false, why: "run npm run bench:peers" };
  }
}
