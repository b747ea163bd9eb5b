import { tmpdir } from "node:os";
import { expect, test } from "vitest";
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
  expect(out).toContain("This machine cannot run Annulus.");
  expect(err).toContain("[ENGINE_UNSUPPORTED]");
  const told = await processOf(process.execPath, [...argv, "--json"], tmpdir());
  expect(JSON.parse(told.out)).toMatchObject({ ok: false, error: { code: "ENGINE_UNSUPPORTED" } });
});
