// annulus pack test: judges every kernel of a pack by its reference and writes certificates.
//
// Files are written when all is known. An interrupt before that ends the process and leaves none.

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { Failure, type Issue } from "../base/mod.ts";
import type { VerifiedKernel, VerifiedPack } from "../pack/mod.ts";
import { sharedTicker } from "../platform/node/mod.ts";
import { type Kernel, PRESETS, Sandbox, type SandboxOptions } from "../sandbox/mod.ts";
import { assess, certificateOf, isPromised, printCertificate } from "../testing/mod.ts";
import { type FoundReference, referenceOf } from "../testing/mod.ts";
import { loadCorePack } from "./core-pack.ts";
import { finishFirst } from "./finish-first.ts";
import type { Io } from "./io.ts";
import { plain, type Report } from "./output.ts";
import { type Judges, judgesOf, type TestOptions, withTestOptions } from "./pack-test-options.ts";
import { reportOf, type Tested, verdictOf } from "./pack-test-report.ts";
import { loadTrusted } from "./pack-verify.ts";
import { progressOn } from "./progress.ts";
import { verb } from "./verb.ts";
import { writeWhole } from "./write.ts";

export function packTest(pack: Command, io: Io): void {
  const command = pack
    .command("test")
    .description("Judge a pack's kernels by their references, and write certificates.")
    .argument("[pack]", "a folder or a .tar; without it, the core pack");
  verb<TestOptions>(withTestOptions(command), io, async ([path], options) => {
    const { pack, tested } = await test(io, path, options);
    const files = await writeCertificates(io, tested, options.certificates);
    const report = reportOf(pack, tested, files, options);
    const issues = tested.flatMap(issuesOf);
    if (issues.length === 0) return report;
    const isText = command.opts<{ json?: boolean }>().json !== true;
    if (isText) io.out(report.lines.map((line) => `${plain(line)}\n`).join(""));
    throw failureOf(tested, issues, report);
  });
}

const start = (options: SandboxOptions): Promise<Sandbox> => Sandbox.create(options, sharedTicker);

/** Tests every kernel that was asked for, in every variant that this engine runs. */
async function test(io: Io, path: string | undefined, options: TestOptions) {
  const judges = await judgesOf(io, options.references);
  const trust = {
    ...options,
    reference: [...(options.reference ?? []), ...judges.references.keys()],
  };
  const pack =
    path === undefined ? await loadCorePack(io, trust) : await loadTrusted(io, path, trust);
  const asked = options.kernel?.map((id) => pack.kernel(id)) ?? pack.kernels;
  await using resources = new AsyncDisposableStack();
  const kernels: Loaded[] = [];
  for (const verified of asked) kernels.push(...(await loadedVariants(verified, resources)));
  const total = kernels.length * options.cases;
  using progress = progressOn(process.stderr, total, () => performance.now());
  const tested: Tested[] = [];
  for (const [index, loaded] of kernels.entries()) {
    const onCase = (done: number): void => progress.step(index * options.cases + done);
    tested.push(await testOne(pack, judges, loaded, { ...options, onCase }));
  }
  return { pack, tested };
}

interface Loaded {
  readonly verified: VerifiedKernel;
  readonly kernel: Kernel;
}

/** A certificate says what a module computes; how much a small device lets it do is another question. */
const { memoryBytesMax, epochTickMs, budgetTicksDefault, budgetTicksMax } = PRESETS.server;
const SERVERS_MEANS = {
  memoryBytesMax: memoryBytesMax.value,
  epochTickMs: epochTickMs.value,
  budgetTicksDefault: budgetTicksDefault.value,
  budgetTicksMax: budgetTicksMax.value,
};

/** How a sandbox comes to run each of a kernel's modules. */
const SETUPS: readonly SandboxOptions[] = [
  { variant: "baseline" },
  {},
  { preset: "embedded", limits: SERVERS_MEANS },
];

/** The kernel in every variant that this engine runs, the baseline first. */
async function loadedVariants(
  verified: VerifiedKernel,
  resources: AsyncDisposableStack,
): Promise<readonly Loaded[]> {
  const found = new Map<string, Loaded>();
  for (const setup of verified.modules.length > 1 ? SETUPS : SETUPS.slice(0, 1)) {
    const sandbox = resources.use(await start(setup));
    const kernel = await sandbox.load(verified).catch((error: unknown) => {
      if (setup.preset === undefined || !(error instanceof Failure)) throw error;
      return undefined; // No module of this kernel is for such devices.
    });
    if (kernel !== undefined && !found.has(kernel.variant))
      found.set(kernel.variant, { verified, kernel });
  }
  return [...found.values()];
}

async function testOne(
  pack: VerifiedPack,
  { references, hints }: Judges,
  { verified, kernel }: Loaded,
  { seed, cases, onCase }: TestOptions & { readonly onCase: (done: number) => void },
): Promise<Tested> {
  const { id } = kernel;
  const found = referenceOf(pack, id, references);
  const about = { verified, kernel, reference: found?.name };
  const untested = whyUntested(kernel, found);
  if (untested !== undefined || found === undefined) return { ...about, untested };
  const own = hints.get(id) ?? hints.get(found.name);
  const options = { seed, cases, hints: own, onCase, engine: ENGINE };
  const subject = { verified, kernel, sandbox: start };
  const assessment = await assess(subject, found.reference, options);
  const certificate = await certificateOf(subject, assessment, options);
  const isEmpty = assessment.compared === 0 && assessment.violation === undefined;
  const why = isEmpty ? "kernel and reference refuse every case" : undefined;
  return { ...about, assessment, certificate, untested: why };
}

function whyUntested(kernel: Kernel, found: FoundReference | undefined): string | undefined {
  if (found === undefined) return "no reference";
  return isPromised(kernel.entry.accuracy) ? undefined : "no accuracy in its manifest";
}

/** What can change a result: the engine, and the processor that relaxed SIMD leaves results to. */
const ENGINE = `node ${process.versions.node}, v8 ${process.versions.v8}, ${process.arch}`;

/** Writes a file for each certificate, all of them or none, and returns their names. */
async function writeCertificates(
  io: Io,
  tested: readonly Tested[],
  folder: string | undefined,
): Promise<readonly string[]> {
  if (folder === undefined) return [];
  const root = resolve(io.cwd, folder);
  const made = tested.flatMap(({ certificate }) => certificate ?? []);
  await finishFirst(async () => {
    await mkdir(root, { recursive: true });
    for (const certificate of made)
      await writeWhole(join(root, fileOf(certificate)), printCertificate(certificate));
  });
  return made.map((certificate) => join(folder, fileOf(certificate)));
}

/** No id has an @ in it, and both may have dots: no two certificates have one name. */
function fileOf({ kernel }: NonNullable<Tested["certificate"]>): string {
  return `${kernel.id}@${kernel.variant}.json`;
}

function issuesOf(tested: Tested): Issue[] {
  const { kernel, untested } = tested;
  const at = `kernel "${kernel.id}", ${kernel.variant}`;
  if (untested !== undefined) {
    const fix = "Declare its accuracy, and pass its reference with --references.";
    return [{ code: "untested", at, found: untested, expected: "a reference and accuracy", fix }];
  }
  const verdict = verdictOf(tested);
  if (verdict.passed) return [];
  const fix = "Correct the kernel, or what its manifest promises.";
  return [{ code: "failed", at, found: verdict.found, expected: verdict.expected, fix }];
}

function failureOf(tested: readonly Tested[], issues: readonly Issue[], report: Report): Failure {
  const failed = issues.filter(({ code }) => code === "failed");
  const hasViolation = tested.some(({ assessment }) => assessment?.violation !== undefined);
  const code = hasViolation ? "KERNEL_MISBEHAVED" : "KERNEL_INACCURATE";
  const [first] = failed.length > 0 ? failed : issues;
  return new Failure(failed.length > 0 ? code : "KERNEL_UNTESTED", first!, {
    issues,
    detail: report.json,
  });
}
