// Doctor kernel: the smallest kernel that can show that it runs on another thread.

import { threadId } from "node:worker_threads";
import { message, u32 } from "../message/mod.ts";
import { defineKernel } from "../runtime/mod.ts";

export const Ping = message({ number: u32 }, { name: "annulus doctor: ping" });
export const Pong = message({ number: u32, thread: u32 }, { name: "annulus doctor: pong" });

export const pinger = defineKernel({
  id: "annulus-doctor",
  module: import.meta.url,
  on: [Ping.to(Pong, ({ number }) => ({ number: number + 1, thread: threadId }))],
});
