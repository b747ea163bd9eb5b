// Contest: one of our kernels against the same work without the sandbox: unchecked, in native C, and in
// both ONNX Runtimes with one thread. Before anything is timed, all results are compared with ours.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { TensorView } from "../../src/base/mod.ts";
import type { VerifiedPack } from "../../src/pack.node.ts";
import type { Bench } from "../harness/bench.ts";
import {
  type Contender,
  type Effort,
  FULL as PATIENT,
  measure,
  QUICK as HASTY,
  type Outsider,
} from "../harness/measure.ts";
import { loadCorePack } from "../harness/packs.ts";
import type { Entry, NotMeasured, Row } from "../harness/row.ts";
import { buildNative, type NativeBuild } from "../native/build.ts";
import { type NativeProgram, startNative } from "../native/program.ts";
import { openSession } from "../onnx/session.ts";
import { type OnnxRuntimeName, openOnnxRuntime } from "../peers/peers.ts";
import { bytesOf, type Case, idOf, type PreparedCase, prepareCase } from "./case.ts";
import { goalsOf, NATIVE, ONNX, ONNX_WEB, OURS, UNCHECKED } from "./goals.ts";
import { requireSame } from "./same.ts";

/** There are many rows, so each gets less time than a benchmark of a single question. */
const FULL: Effort = { ...PATIENT, blocks: 9, blockMs: 40, warmMs: 150 };
const QUICK: Effort = { ...HASTY, blocks: 3, blockMs: 10, warmMs: 25 };

const NATIVE_MS = 20; // Time of one run of the native program in a block, roughly.
const NATIVE_SAMPLES_MAX = 400;

/** A benchmark that runs one contest after the other. */
export function contests(name: string, question: string, cases: readonly Case[]): Bench {
  return {
    name,
    question,
    async *rows({ quick }) {
      const folder = await mkdtemp(join(tmpdir(), "annulus-bench-"));
      try {
        const native = await buildNative(folder);
        const pack = await loadCorePack();
        for (const each of cases)
          yield await run(each, { pack, folder, native, effort: quick ? QUICK : FULL });
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  };
}

interface Arena {
  readonly pack: VerifiedPack;
  /** Where native programs lie. */
  readonly folder: string;
  readonly native: NativeBuild;
  readonly effort: Effort;
}

async function run(each: Case, { pack, folder, native, effort }: Arena): Promise<Row> {
  await using resources = new AsyncDisposableStack();
  const ours = resources.use(await prepareCase(pack, each, "epoch"));
  const unchecked = resources.use(await prepareCase(pack, each, "none"));
  ours.call.run();
  const peers = [
    await onnxPeer(resources, "onnxruntime-node", ONNX, each, ours),
    await onnxPeer(resources, "onnxruntime-web", ONNX_WEB, each, ours),
  ];
  const outsider = await nativePeer(resources, folder, native, each, ours);
  const measured = await measure(
    [
      { name: OURS, loop: ours.loop },
      { name: UNCHECKED, loop: unchecked.loop },
      ...peers.filter((peer) => "loop" in peer),
    ],
    "time" in outsider ? [outsider] : [],
    effort,
  );
  const absent = [outsider, ...peers].filter((peer) => "why" in peer);
  const entries = inOrder([...measured, ...absent]);
  return {
    id: idOf(each),
    what: each.what,
    entries,
    goals: goalsOf(each, ours.call, entries),
    bytes: bytesOf(ours.call),
    notes: notesOf(each, native),
    table: "kernels",
  };
}

const ORDER: readonly string[] = [OURS, UNCHECKED, NATIVE, ONNX, ONNX_WEB];

/** The same columns in every row, whoever is absent. */
function inOrder(entries: readonly Entry[]): Entry[] {
  return entries.toSorted((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
}

function notesOf({ onnx }: Case, native: NativeBuild): string[] {
  const compiler = native.built ? [`${NATIVE}: ${native.compiler}`] : [];
  const note = "graph" in onnx && onnx.note !== undefined ? [onnx.note] : [];
  return [...compiler, ...note];
}

/** Native C on our inputs, or why there is none. */
async function nativePeer(
  resources: AsyncDisposableStack,
  folder: string,
  native: NativeBuild,
  each: Case,
  { call }: PreparedCase,
): Promise<Outsider | NotMeasured> {
  if (!native.built) return { kind: "not-measured", name: NATIVE, why: native.why };
  const outputs = Object.entries<TensorView>(call.outputs);
  const program = resources.use(
    await startNative(folder, {
      program: native.program,
      ...each.native,
      inputs: Object.values<TensorView>(call.inputs).map(bytesIn),
      outputBytes: outputs.map(([, { byteLength }]) => byteLength),
    }),
  );
  outputs.forEach(([name, view], i) => {
    const theirs = viewLike(view, program.outputs[i]!);
    requireSame(`${idOf(each)}: ${name} of ${NATIVE}`, view, theirs);
  });
  return timesOf(program);
}

function timesOf(program: NativeProgram): Outsider {
  let samples = 5;
  return {
    name: NATIVE,
    time: async () => {
      const { median_ns, p99_ns, least_ns, batch } = await program.time(samples);
      const times = { medianNs: median_ns, p99Ns: p99_ns, leastNs: least_ns };
      const taken = samples;
      const wanted = Math.ceil((NATIVE_MS * 1e6) / (median_ns * batch));
      samples = Math.min(NATIVE_SAMPLES_MAX, wanted) + 3;
      return { ...times, samples: taken, callsPerSample: batch };
    },
  };
}

/** ONNX Runtime on copies of our inputs, since it takes no shared memory; or why there is none. */
async function onnxPeer(
  resources: AsyncDisposableStack,
  runtime: OnnxRuntimeName,
  name: string,
  each: Case,
  { call }: PreparedCase,
): Promise<Contender | NotMeasured> {
  const { onnx } = each;
  if ("why" in onnx) return { kind: "not-measured", name, why: onnx.why };
  const opened = openOnnxRuntime(runtime);
  if (!opened.opened) return { kind: "not-measured", name, why: opened.why };
  const { graph, derived = {} } = onnx;
  const inputs = Object.entries<TensorView>(call.inputs).map(([key, view]) => [key, copyOf(view)]);
  const ours = Object.fromEntries(inputs) as Readonly<Record<string, TensorView>>;
  const made = Object.entries(derived).map(([key, from]) => [key, from(ours)] as const);
  const feeds = { ...ours, ...Object.fromEntries(made) };
  const session = resources.use(await openSession(runtime, opened.peer, graph, feeds));
  await session.run();
  for (const [key, theirs] of Object.entries(session.outputs))
    requireSame(`${idOf(each)}: ${key} of ${name}`, call.outputs[key]!, theirs);
  const loop = async (calls: number): Promise<void> => {
    for (let i = 0; i < calls; i++) await session.run();
  };
  return { name, loop };
}

function copyOf(view: TensorView): TensorView {
  return viewLike(view, Uint8Array.from(bytesIn(view)));
}

function bytesIn({ buffer, byteOffset, byteLength }: TensorView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** `bytes` seen as `view` sees its own. */
function viewLike(view: TensorView, { buffer }: Uint8Array<ArrayBuffer>): TensorView {
  const type = view.constructor as new (buffer: ArrayBuffer) => TensorView;
  return new type(buffer);
}
