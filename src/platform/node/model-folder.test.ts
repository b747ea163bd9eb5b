import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openWeights, widened } from "../../model/weights.ts";
import { failureIn } from "../../pack/failure-of.fixture.ts";
import { modelFolder } from "./model-folder.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "annulus-folder-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("modelFolder() opens a file in parts, reads where it is told, and holds no handle", async () => {
  await writeFile(join(folder, "file"), "0123456789");
  const files = await modelFolder(folder);
  const parts = (await files.open!("file"))!;
  expect(parts.bytes).toBe(10);
  expect(Buffer.from(await parts.read(3, 4)).toString()).toBe("3456");
  expect(await parts.read(10, 0)).toHaveLength(0);
  expect(await files.open!("none")).toBeUndefined();
});

test("modelFolder() notices a file that is shorter, or gone, when a part is read", async () => {
  const file = join(folder, "file");
  await writeFile(file, "0123456789");
  const parts = (await (await modelFolder(folder)).open!("file"))!;
  await truncate(file, 5);
  expect((await failureIn(parts.read(3, 4))).found).toContain("shorter");
  await rm(file);
  expect((await failureIn(parts.read(0, 1))).code).toBe("INPUT_UNREADABLE");
});

test("modelFolder() refuses folders and FIFOs in place of weights, without waiting", async () => {
  execFileSync("mkfifo", [join(folder, "model.safetensors")]);
  const failure = await failureIn(openWeights(await modelFolder(folder)));
  expect(failure.code).toBe("INPUT_UNREADABLE");
  expect((await failureIn((await modelFolder(join(folder, ".."))).open!("."))).code).toBe(
    "INPUT_UNREADABLE",
  );
});

test("weights are read from files beyond the 2 GiB that Node reads at once", async () => {
  const hole = 3 * 2 ** 30;
  const header = JSON.stringify({
    first: { dtype: "U8", shape: [hole], data_offsets: [0, hole] },
    last: { dtype: "F32", shape: [2], data_offsets: [hole, hole + 8] },
  });
  const bytes = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  await using handle = await open(join(folder, "model.safetensors"), "w");
  await handle.write(Buffer.concat([length, bytes]));
  const last = Buffer.from(Float32Array.of(1.5, -2).buffer);
  await handle.write(last, 0, last.length, 8 + bytes.length + hole); // Sparse: the hole takes no room.
  const weights = await openWeights(await modelFolder(folder));
  expect(await widened(weights.get("last", [2]))).toEqual(Float32Array.of(1.5, -2));
});
