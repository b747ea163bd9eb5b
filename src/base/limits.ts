// Limits: every bound of the project, by room, with its unit in its name and its reason beside it.
// Relations between bounds are asserted when the file loads. Each is tested on both sides.

import { assert } from "./assert.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export const PACK_LIMITS = {
  /** A manifest of a thousand kernels is about 1 MB; more is an attack on the parser. */
  manifestBytesMax: MIB,
  manifestDepthMax: 32,
  /** JSON values in a manifest: a thousand kernels hold about 60,000, and each costs us an object. */
  manifestValuesMax: 200_000,
  /** Characters of one number: more digits than any 64-bit value or exact double needs. */
  numberCharactersMax: 128,
  /** Faults reported of one manifest; a reader mends the first few anyway. */
  issuesMax: 100,
  kernelsMax: 1024,
  /** Modules that are read at a time: each may be as large as one may be. */
  readsMax: 8,
  variantsMax: 8,
  kernelBytesMax: 16 * MIB,
  archiveBytesMax: 256 * MIB,
  archiveEntriesMax: 4096,
  pathBytesMax: 255,
  nameCharactersMax: 128,
  tensorsPerListMax: 64,
  paramsMax: 256,
  /** A signature has 64 bytes; a little more is read, so that a wrong form can be named. */
  signatureFileBytesMax: 1024,
  keyringBytesMax: MIB,
  keysMax: 1024,
} as const;

export const MODULE_LIMITS = {
  moduleBytesMax: 16 * MIB,
  /** Custom sections are free to engines; compilers write a dozen. */
  sectionsMax: 10_000,
  /** The engines' own limits, so that nothing they would refuse costs us memory first. */
  typesMax: 1_000_000,
  parametersMax: 1_000,
  functionsMax: 1_000_000,
  importsMax: 100_000,
  exportsMax: 100_000,
  globalsMax: 1_000_000,
  dataSegmentsMax: 100_000,
  elementSegmentsMax: 100_000,
  localsMax: 50_000,
  functionBytesMax: 7_654_321,
  blockDepthMax: 100_000,
  branchTableMax: 65_520,
  nameBytesMax: 100_000,
} as const;

export const SANDBOX_LIMITS = {
  pageBytes: 64 * KIB,
  pagesMax: 65_536,
  /** A deadline is compared by signed difference, so a budget stays below half the epoch's range. */
  budgetTicksMax: 2 ** 31 - 1,
  /** Every region of a call starts on this boundary: one v128. */
  regionAlignBytes: 16,
  tensorRankMax: 8,
  /** Requests of one batch: nothing else runs on their thread until the last is done. */
  batchRequestsMax: 4096,
  /** What a kernel says its name is. */
  kernelNameBytesMax: 256,
} as const;

/** What a host may set each limit of a sandbox to, both ends included. */
export const SANDBOX_RANGES = {
  memoryBytesMax: [0, SANDBOX_LIMITS.pagesMax * SANDBOX_LIMITS.pageBytes],
  /** The budget is an i32 that frames are taken from. */
  stackBytes: [0, 2 ** 31 - 1],
  /** Below, the ticker's thread would take a core; above, budgets would mean nothing. */
  epochTickMs: [0.1, 60_000],
  budgetTicksDefault: [0, SANDBOX_LIMITS.budgetTicksMax],
  budgetTicksMax: [0, SANDBOX_LIMITS.budgetTicksMax],
  poolInstancesMax: [1, 65_536],
  poolQueueMax: [0, 1_000_000],
  /** The engines' own limit of one table. */
  tableElementsMax: [0, 10_000_000],
} as const;

export const BYPASS_LIMITS = {
  /** Matrices up to this side stay in the sandbox, where a call costs little beside them. */
  matrixSideMax: 1000,
  /** Operations that may take this long stay in the sandbox too. */
  latencyMsMax: 1,
  /** Meters of one policy: a host has a handful of native kernels, and each costs an object. */
  namesMax: 4096,
} as const;

export const RING_LIMITS = {
  slotsMax: 1_048_576,
  observablesMax: 1_048_576,
  debugRecordsMax: 1_048_576,
  /** Masks that lie between control words 3 and 31. */
  tenantsMax: 29,
  /** One for each priority. */
  lanes: 5,
  ioSlotsMax: 65_536,
  /** What one sequence of indices can count. */
  batchItemsMax: 2 ** 32 - 1,
} as const;

export const MONITOR_LIMITS = {
  /** One line from whoever watches: a key, or a command with the longest id, each unit of it escaped. */
  commandBytesMax: 8 * KIB,
  idCharactersMax: 1024,
  /** One line to whoever watches. */
  replyBytesMax: MIB,
  /** Rows of one snapshot. Each costs the process some ten microseconds, and nobody reads more. */
  kernelsMax: 500,
  /** Of a title, or of one fact of a failure. */
  textCharactersMax: 512,
  /** Between two snapshots. */
  intervalMsMin: 100,
  intervalMsMax: 60_000,
  /** Commands of one connection that have no answer yet: `terminate` takes its time. */
  commandsMax: 16,
  /** Who watches one process at a time. */
  watchersMax: 8,
} as const;

export const BRIDGE_LIMITS = {
  /** Messages under way in one direction. */
  capacityMax: 1_048_576,
  payloadBytesMax: 64 * MIB,
  /** One queue: what a view's 32-bit offsets reach. */
  queueBytesMax: 2 ** 31 - 1,
  /** The coarsest step of a device's copies: slots start on it. */
  copyAlignBytesMax: 64,
  batchesInFlightMax: 64,
  copyAttemptsMax: 100,
  /** An hour: no timer of a bridge needs more, and none of its sums overflows. */
  timeoutMsMax: 3_600_000,
  pollIntervalUsMax: 1_000_000,
  pollLooksMax: 1_000_000,
} as const;

export const TENSOR_LIMITS = {
  /** A `.safetensors` header, as the format's own reader bounds it. */
  headerBytesMax: 100 * MIB,
  /** A `.npy` header of the types read here is under 1 KiB; only structured types need more. */
  npyHeaderBytesMax: 64 * KIB,
  tensorsMax: 100_000,
  rankMax: 32,
} as const;

export const MODEL_LIMITS = {
  /** A `config.json` is some 1 KB; a shard index of a thousand tensors some 100 KB. */
  configBytesMax: 16 * MIB,
  /** The largest in use, with 256,000 tokens and their merges, is 33 MB. */
  tokenizerBytesMax: 64 * MIB,
  /** One file of weights, which is read in parts: some 16 times what native memory holds. */
  weightsFileBytesMax: 2 ** 36,
  /** One that is read whole: Node reads at most 2^31 - 1 bytes at once, and the reader asks for one more. */
  wholeFileBytesMax: 2 ** 31 - 2,
  shardsMax: 1024,
  vocabularyMax: 2 ** 20,
  mergesMax: 2 ** 21,
  addedTokensMax: 65_536,
  /** UTF-16 units of one text to encode. */
  textCharactersMax: 4 * MIB,
  layersMax: 1024,
  /** Widths: hidden, feed-forward, heads times head. Larger than any model in use by 8. */
  widthMax: 2 ** 18,
  headsMax: 1024,
  headDimMax: 1024,
  contextMax: 2 ** 20,
  /** Rank of an adapter. */
  loraRankMax: 1024,
} as const;

assert(
  MODULE_LIMITS.moduleBytesMax >= PACK_LIMITS.kernelBytesMax,
  "a packed kernel can be inspected",
);
assert(
  MONITOR_LIMITS.commandBytesMax > 6 * MONITOR_LIMITS.idCharactersMax + 256,
  "a command has room for every id that is shown",
);
assert(PACK_LIMITS.archiveBytesMax > PACK_LIMITS.kernelBytesMax, "an archive can hold a kernel");
