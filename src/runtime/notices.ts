// Notices: what a runtime tells whoever listens in its process. What a notice says is built only when somebody
// does; a platform knows, and passes them on (Node: by `diagnostics_channel`).

import type { Failure } from "../base/mod.ts";
import type { KernelEnd } from "./kernel-facts.ts";
import type { KernelState } from "./lifecycle.ts";
import type { SupervisionEvent } from "./options.ts";

/** What happened to one message, of a kernel that was launched with `debug`. */
export interface MessageNotice {
  /**
   * `sent` by the host, to the kernel's queue. A call is then `answered` or `failed`, and `late` where its
   * answer came after it had failed. `dropped`: the queue was full. `received`: emitted by the kernel.
   */
  readonly kind: "sent" | "answered" | "failed" | "late" | "dropped" | "received";
  readonly kernel: string;
  /** The message's name, or its fields where it has none. */
  readonly message: string;
  /** Its number among those of the host, or of the kernel where it was received; 0: it was not sent. */
  readonly id: number;
  /** Of a call: since before it was sent. */
  readonly latencyUs?: number;
  /** Why a call failed. */
  readonly code?: string;
}

/** By their names, of which each is a channel. */
export interface Notices {
  readonly "kernel:launch": {
    readonly kernel: string;
    readonly number: number;
    readonly mode: "persistent" | "event-driven";
    readonly gridSize: number;
  };
  readonly "kernel:state": {
    readonly kernel: string;
    readonly number: number;
    readonly from: KernelState;
    readonly to: KernelState;
  };
  readonly "kernel:end": {
    readonly kernel: string;
    readonly number: number;
    readonly generation: number;
    readonly end: KernelEnd;
  };
  readonly supervision: SupervisionEvent;
  /** A call of the host that got no answer. */
  readonly "message:failed": {
    readonly kernel: string;
    readonly message: string;
    readonly failure: Failure;
  };
  /** A message of the host for which `drop-newest` found no room. */
  readonly "message:dropped": { readonly kernel: string; readonly message: string };
  readonly message: MessageNotice;
}

export const NOTICES = [
  "kernel:launch",
  "kernel:state",
  "kernel:end",
  "supervision",
  "message:failed",
  "message:dropped",
  "message",
] as const satisfies readonly (keyof Notices)[];

/** Tells whoever listens to `name`. `build` is not called where nobody does. */
export type Notify = <Name extends keyof Notices>(name: Name, build: () => Notices[Name]) => void;
