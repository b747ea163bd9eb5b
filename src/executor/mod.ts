// Executor: the loop that drains a ring on the thread that calls it. It does what the oracle of the ring
// says, with atomic operations on the ring's own words, and allocates nothing per slot. It starts no
// thread and reads no clock.

export { Executor, type ExecutorOptions } from "./executor.ts";
export { Replay, REPLAY_TARGETS, type ReplayOptions, type ReplayTarget } from "./replay.ts";
