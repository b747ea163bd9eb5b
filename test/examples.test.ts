// Every example runs as it stands and says what its text promises; `npm run demo` shows all four of its
// promises: right numbers, a refusal, a stop, a text.

import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { corePack } from "../examples/on-the-spot.ts";
import { recordedCalls, runCall } from "../examples/demo/recorded-calls.ts";
import { Sandbox } from "../src/index.node.ts";

const run = promisify(execFile);
const folder = join(import.meta.dirname, "../examples");
const LINES_MAX = 60;
/** Compiling three kernels takes seconds, and far more on a machine that does much else. */
const PATIENCE_MS = 300_000;

/** What an example prints; fails when it does not end with 0. */
async function printed(file: string, ...flags: string[]): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, [...flags, join(folder, file)]);
  expect(stderr).toBe("");
  return stdout;
}

const PROMISES: Readonly<Record<string, readonly RegExp[]>> = {
  "01-hello.ts": [/^y = Float32Array\(8\) \[/m, /^y = \{\n {2}shape: \[ 1, 2 \]/m],
  "02-build-and-sign.ts": [
    /^built kernels\.json, halve\.wasm; signed by [0-9a-f]{16}$/m,
    /^halves: Float32Array\(3\) \[ 0\.5, 1, 1\.5 \]$/m,
    /^a stranger's host: NO_TRUSTED_KEY$/m,
  ],
  "03-stop-a-runaway.ts": [
    /^from 27: 111 rounds$/m,
    /^from 0: KERNEL_DEADLINE after \d+ ms, in kernel "collatz", .*byte 0x[0-9a-f]+$/m,
    /^from 7: 16 rounds$/m,
  ],
  "04-instrument-any-module.ts": [
    /^it now imports annulus\.epoch, annulus\.deadline, annulus\.interrupted$/m,
    /^counted to 1000$/m,
    /^stopped by its deadline: RuntimeError: unreachable$/m,
  ],
  "05-tenants.ts": [
    /^ada says 43 and sees 42$/m,
    /^bob says 7 and sees 0$/m,
    /^ada says 44 and sees 0$/m,
    /^1 instance made, cleaned 2 times$/m,
  ],
  "06-generate.ts": [
    /^In the beginning.{20}/m,
    /^-f, --file is set to the set of the server.* \.\.\. \(48 tokens will do\)$/m,
    /^attention, attention: \d+ calls$/m,
    /^products, native: \d+ calls$/m,
  ],
  "07-slots.ts": [
    /^\{\n? *state: 'done',/m,
    /^ada has \[ 42, 42 \]$/m,
    /^bob: \{ state: 'fault', code: 4, detail: 160 \}$/m,
    /^bob: \{ state: 'fault', code: 9, detail: 0 \}$/m,
    /^the executor stopped$/m,
  ],
  "08-actor.ts": [/^1 \+ 2 = 3, on another thread$/m],
  "09-pipeline.ts": [
    /^1 2 3: 3 numbers, mean 20, at most 30$/m,
    /^7 7 7 7: 4 numbers, mean 70, at most 70$/m,
    /^9 messages$/m,
  ],
  "10-fan-out.ts": [/^216816 primes below 3000000$/m, /^the other thread counted 20 of 20 times$/m],
  "11-from-piscina.ts": [
    /^6 words, the longest is not$/m,
    /^MESSAGE_TOO_LARGE Send less, or create the runtime with a larger `payloadBytesMax`\.$/m,
  ],
  "12-stops.ts": [
    /^timeout: CALL_TIMEOUT$/m,
    /^cancel: CALL_CANCELLED$/m,
    /^interrupt: HANDLER_INTERRUPTED$/m,
    /^calls so far: 4$/m,
    /^kill: killed WORKER_LOST$/m,
  ],
  "13-pack-actor.ts": [
    /^from 27,97,871: 111,118,178 rounds$/m,
    /^from 27,0,871: KERNEL_DEADLINE; this thread ticked \d+ times meanwhile$/m,
    /^from 1,2,3: 0,1,7 rounds$/m,
    /^stopped: HANDLER_INTERRUPTED$/m,
  ],
  "14-supervised.ts": [
    /^crash: WORKER_LOST terminated$/m,
    /^generation: 2$/m,
    /^dead letter: Count (terminated|worker-lost)$/m,
    /^after: 2$/m,
  ],
  "15-topics.ts": [
    /^rooms\/kitchen\/heat: 95$/m,
    /^alarm: 95 degrees$/m,
    /^crashed: true; handled: true; sent again: true$/m,
  ],
  "16-checkpoint.ts": [
    /^the: 3, then 4, on another thread:$/m,
    /^true$/m,
    /^stored as generation 1$/m,
    /^and: 2; 5 words, from \d+ bytes$/m,
  ],
  "17-profile.ts": [
    /^6 messages in .*trace\.json, 0 written over$/m,
    /^the longest: (Fetch|Primes), [\d.]+ ms$/m,
    /^handled in \d+ µs, half of 6$/m,
    /^answered in \d+ µs, half of 6$/m,
  ],
};

test("every numbered example has its promises here, and fits on a page", async () => {
  const numbered = (await readdir(folder)).filter((file) => /^\d/.test(file)).toSorted();
  expect(numbered).toEqual(Object.keys(PROMISES));
  const index = await readFile(join(folder, "README.md"), "utf8");
  for (const file of numbered) {
    const lines = (await readFile(join(folder, file), "utf8")).trimEnd().split("\n");
    expect(lines.length, file).toBeLessThanOrEqual(LINES_MAX);
    expect(index).toContain(`(${file})`);
  }
});

test.each(Object.keys(PROMISES))(
  "examples/%s runs and does what it says",
  async (file) => {
    const text = await printed(file);
    for (const promise of PROMISES[file]!) expect(text).toMatch(promise);
  },
  PATIENCE_MS,
);

const ROW =
  /^ +(rmsnorm|rope|swiglu)_f32 +layers\.[05]\.\S+ +[\dx ]+ {2}\S+ +\S+ +\S+ µs +\S+ {2}ok$/gm;

/** What every run of the demo must show. */
function expectDemo(text: string): void {
  expect(text.match(ROW)).toHaveLength(10);
  expect(text).toMatch(/^ +VERIFIED +annulus-core \S+, \d+ kernels, signed by [0-9a-f]{16}$/m);
  expect(text).toMatch(/^ +REFUSED +HASH_MISMATCH in rmsnorm\/rmsnorm_f32\.wasm$/m);
  expect(text).toMatch(/^ +REFUSED +NO_TRUSTED_KEY in kernels\.json\.sig$/m);
  expect(text).toMatch(/^ +STOPPED +KERNEL_DEADLINE after \d+ ms of 100, in kernel "endless"/m);
  expect(text).toMatch(/^ +RAN +the next call of the same kernel/m);
  expect(text).toMatch(
    /^ +SAID +In the beginning of the LORD thy God, that thou mayest be a strength/m,
  );
  expect(text).toMatch(/^ +SAID +-f, --file is set to the set of the server set/m);
  expect(text.match(/tokens\/s; sandboxed kernels \d+ %/g)).toHaveLength(2);
  expect(text).not.toContain("\u001b"); // No colours where there is no terminal, nor anywhere.
  expect(text.split("\n").length).toBeLessThanOrEqual(60);
}

test(
  "npm run demo builds from source, computes what the model did, refuses and stops",
  async () => {
    const text = await printed("demo.ts");
    expect(text).toMatch(/BUILT +\d+ kernels, 3 of them from AssemblyScript/);
    expectDemo(text);
  },
  PATIENCE_MS,
);

test("npm run demo takes the modules of packs/core where AssemblyScript is not installed", async () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (name.startsWith("assemblyscript")) throw new Error("not installed");
      return next(name, context);
    } });`;
  const text = await printed(
    "demo.ts",
    `--import=data:text/javascript,${encodeURIComponent(hook)}`,
  );
  expect(text).toContain("AssemblyScript is not installed");
  expectDemo(text);
});

test("the demo's comparison fails on a wrong number and on none", async () => {
  await using sandbox = await Sandbox.create();
  const pack = await corePack();
  const [call] = await recordedCalls();
  const { data } = call!.expected;
  expect((await runCall(sandbox, pack, call!)).ok).toBe(true);
  for (const wrong of [data[7]! + 0.01, NaN]) {
    const expected = { ...call!.expected, data: Float32Array.from(data).with(7, wrong) };
    expect((await runCall(sandbox, pack, { ...call!, expected })).ok).toBe(false);
  }
});
