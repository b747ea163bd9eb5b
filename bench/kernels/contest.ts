// Contest: one of our kernels against the same work without the sandbox: unchecked, in native C, and in
// ONNX Runtime with one thread. Before anything is timed, our result and ONNX Runtime's are compared.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Bench } from "../harness/bench.ts";
import { type Contender, type Effort, measure, type Outsider } from "../harness/measure.ts";
import { loadCorePack } from "../harness/packs.ts";
import { type Entry, type Goal, measuredIn, type Row } from "../harness/row.ts";
import { buildNative, type NativeBuild, type NativeKernel, timeNative } from "../native/build.ts";
import { type OnnxRuntime, type OnnxTensor, openOnnxRuntime } from "../peers/peers.ts";
import { type Case, type PreparedCase, prepareCase } from "./cases.ts";

export interface Contest {
  readonly id: string;
  readonly what: string;
  readonly case: Case;
  readonly native: { readonly kernel: NativeKernel; readonly shape: string };
  /** The same work as an ONNX model, and its feeds made of our call's inputs. */
  readonly model: Uint8Array;
  readonly feeds: (
    inputs: Readonly<Record<string, Float32Array>>,
  ) => Readonly<Record<string, OnnxFeed>>;
  readonly outputDims: readonly number[];
  readonly goals: (found: Found) => readonly Goal[];
  readonly notes?: readonly string[];
}

export interface OnnxFeed {
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

/** What goals are about. Undefined where it was not measured. */
export interface Found {
  readonly oursNs: number | undefined;
  /** Our time over native's. */
  readonly overNative: number | undefined;
}

const OURS = "annulus, epoch checks on";
const NATIVE = "native C";
const ONNX = "onnxruntime-node, one thread";
const SAMPLES_MS = 25; // Time of one run of the native program, roughly.
const SAMPLES_MAX = 400;
const ERROR_MAX = 1e-4; // Relative to the largest value: both sides round in their own way.

/** A benchmark that runs one contest after the other. */
export function contests(name: string, question: string, list: readonly Contest[]): Bench {
  return {
    name,
    question,
    async *rows(effort) {
      const folder = await mkdtemp(join(tmpdir(), "annulus-bench-"));
      try {
        const native = await buildNative(folder);
        for (const contest of list) yield await run(contest, native, effort);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  };
}

async function run(contest: Contest, native: NativeBuild, effort: Effort): Promise<Row> {
  const pack = await loadCorePack();
  await using checked = await prepareCase(pack, contest.case, "epoch");
  await using unchecked = await prepareCase(pack, contest.case, "none");
  const onnx = await onnxContender(contest, checked);
  const measured = await measure(
    [
      { name: OURS, loop: checked.loop },
      { name: "annulus, no checks", loop: unchecked.loop },
      ...("loop" in onnx ? [onnx] : []),
    ],
    native.built ? [nativeOutsider(contest, native.program)] : [],
    effort,
  );
  const entries: Entry[] = [...measured];
  if (!native.built) entries.push({ kind: "not-measured", name: NATIVE, why: native.why });
  if (!("loop" in onnx)) entries.push(onnx);
  const { id, what, case: each, goals, notes = [] } = contest;
  const found = {
    oursNs: measuredIn(entries, OURS)?.medianNs,
    overNative: measuredIn(entries, NATIVE)?.firstOverThis,
  };
  const compiler = native.built ? [`${NATIVE}: ${native.compiler}`] : [];
  return {
    id,
    what,
    entries,
    goals: goals(found),
    bytes: each.bytes,
    notes: [...compiler, ...notes],
  };
}

function nativeOutsider({ native: { kernel, shape } }: Contest, program: string): Outsider {
  let samples = 5;
  return {
    name: NATIVE,
    time: async () => {
      const { median_ns, p99_ns, batch } = await timeNative(program, kernel, shape, samples);
      const times = { medianNs: median_ns, p99Ns: p99_ns, leastNs: median_ns }; // Of a run.
      samples = Math.min(SAMPLES_MAX, Math.ceil((SAMPLES_MS * 1e6) / (median_ns * batch)) + 5);
      return { ...times, samples, callsPerSample: batch };
    },
  };
}

/** ONNX Runtime over the same inputs, or why there is none. */
async function onnxContender(
  contest: Contest,
  { call }: PreparedCase,
): Promise<Contender | Extract<Entry, { readonly kind: "not-measured" }>> {
  const peer = openOnnxRuntime();
  if (!peer.opened) return { kind: "not-measured", name: ONNX, why: peer.why };
  const { InferenceSession } = peer.peer;
  const session = await InferenceSession.create(contest.model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
  const { feeds, fetches } = tensorsOf(contest, peer.peer, call.inputs);
  await session.run(feeds, fetches);
  call.run();
  requireEqual(contest.id, call.outputs["y"] as Float32Array, fetches["y"]!.data);
  const loop = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) await session.run(feeds, fetches);
  };
  return { name: ONNX, loop };
}

/** Copies of our inputs, since ONNX Runtime takes no shared memory, and a place for its output. */
function tensorsOf(
  contest: Contest,
  { Tensor }: OnnxRuntime,
  inputs: PreparedCase["call"]["inputs"],
) {
  const copies = Object.fromEntries(
    Object.entries(inputs).map(([name, view]) => [name, new Float32Array(view as Float32Array)]),
  );
  const feeds: Record<string, OnnxTensor> = {};
  for (const [name, { data, dims }] of Object.entries(contest.feeds(copies)))
    feeds[name] = new Tensor(data instanceof Float32Array ? "float32" : "int64", data, dims);
  const count = contest.outputDims.reduce((product, dim) => product * dim, 1);
  const y = new Tensor("float32", new Float32Array(count), contest.outputDims);
  return { feeds, fetches: { y } };
}

function requireEqual(id: string, ours: Float32Array, theirs: Float32Array): void {
  let largest = 0;
  let error = 0;
  for (let i = 0; i < ours.length; i++) {
    largest = Math.max(largest, Math.abs(theirs[i]!));
    error = Math.max(error, Math.abs(ours[i]! - theirs[i]!));
  }
  if (!(error <= largest * ERROR_MAX))
    throw new Error(`${id}: results differ from ONNX Runtime's by ${error}: not the same work`);
}
