import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { createRuntime } from "../platform/node/mod.ts";
import { annulus, PROGRAM, processOf } from "./command.fixture.ts";

interface Told {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly found: string;
  }[];
}

test("annulus doctor proves on this machine that kernels run and are stopped", async () => {
  const { exit, out } = await annulus(tmpdir(), "doctor", "--json");
  const { ok, checks } = JSON.parse(out) as Told;
  expect([exit, ok]).toEqual([0, true]);
  const found = Object.fromEntries(checks.map((check) => [check.name, check]));
  expect(found["Node"]).toMatchObject({ ok: true, found: process.versions.node });
  expect(found["wasm multi-memory"]).toMatchObject({ ok: true, needed: true });
  expect(found["a hard stop"]?.found).toMatch(/stopped after \S+ ms of 50; the next call ran/);
  expect(found["core pack"]?.found).toContain("rmsnorm_f32");
  expect(found["worker threads"]?.found).toMatch(/^a thread answered after \d+ ms$/);
  expect(found["Atomics.waitAsync"]?.found).toMatch(/^woken after /);
  expect(found["clock in WebAssembly"]?.found).toBe("1000 stamps, each after the one before");
  expect(found["rings"]?.found).toMatch(
    /^a kernel on another thread: launched in \d+ ms, first call \S+ ms, median of 1000 \S+ us$/,
  );
  expect(found["monitor"]?.found).toBe(`a socket for this user only, under ${tmpdir()}`);
});

test("annulus doctor says of every backend whether it is there, or why not", async () => {
  const { checks } = JSON.parse((await annulus(tmpdir(), "doctor", "--json")).out) as Told;
  const backends = checks.filter(({ name }) => name.startsWith("backend "));
  const { refusals } = createRuntime({ backend: "auto" });
  const refused = Object.entries(refusals).map(([name, found]) => ({
    ...{ name: `backend ${name}`, ok: false, needed: false, found },
  }));
  expect(refused.length).toBeGreaterThan(0);
  expect(backends).toMatchObject([
    { name: "backend worker", ok: true, needed: true },
    { name: "backend null", ok: true, needed: true },
    ...refused,
  ]);
});

test("annulus doctor names the flag for what is off, and is right about it", async () => {
  const { out } = await annulus(tmpdir(), "doctor");
  const flag = /^absent +wasm fp16 +missing\. Start Node with (\S+)\.$/m.exec(out)![1]!;
  const argv = [flag, PROGRAM, "doctor"];
  expect((await processOf(process.execPath, argv, tmpdir())).out).toMatch(
    /^ok +wasm fp16 +there$/m,
  );
});

test("annulus doctor says so in words", async () => {
  const { exit, out, err } = await annulus(tmpdir(), "doctor");
  expect([exit, err]).toEqual([0, ""]);
  expect(out).toMatch(/^ok +ticker +\d+ ticks of 1 ms/m);
  expect(out).toMatch(/This machine can run Annulus\.\n$/);
});

test("annulus doctor ends with 1 where threads are forbidden, and says what fails", async () => {
  const argv = ["--permission", "--allow-fs-read=*", PROGRAM, "doctor"];
  const { exit, out, err } = await processOf(process.execPath, argv, tmpdir());
  expect(exit).toBe(1);
  expect(out).toMatch(/^FAILED +ticker /m);
  expect(out).toMatch(/^FAILED +a hard stop /m);
  expect(out).toMatch(/^FAILED +worker threads .* --allow-worker /m);
  expect(out).toMatch(/^FAILED +rings .* --allow-worker /m);
  expect(out).toMatch(/^FAILED +backend worker +see rings\./m);
  expect(out).toMatch(/^absent +monitor .* \(--allow-fs-write=\S+ if Node has --permission\)\.$/m);
  expect(out).toContain("This machine cannot run Annulus.");
  expect(err).toContain("[ENGINE_UNSUPPORTED]");
  const told = await processOf(process.execPath, [...argv, "--json"], tmpdir());
  expect(JSON.parse(told.out)).toMatchObject({ ok: false, error: { code: "ENGINE_UNSUPPORTED" } });
});
