// Folders and archives that attack: links, swaps, bombs. What is outside the pack is never read as it.

import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure, PACK_LIMITS } from "../../src/base/mod.ts";
import { failureIn } from "../../src/pack/failure-of.fixture.ts";
import { kernelHash, type PackFiles, verifyPack, writeTar } from "../../src/pack/mod.ts";
import { hostTrusting, moduleOf, signedPack } from "../../src/pack/signed-pack.fixture.ts";
import { directoryFiles, openPackFiles } from "../../src/platform/node/mod.ts";

const MODULE = "rope/rope_f32.wasm";
let outside = "";
let pack = "";

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), "annulus-hostile-"));
  pack = join(outside, "pack");
  await writePack(pack);
  await writeFile(join(outside, "secret"), "secret");
});
afterEach(() => rm(outside, { recursive: true }));

async function writePack(folder: string): Promise<void> {
  for (const [path, bytes] of await signedPack()) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

const verifyFolder = async () => verifyPack(await openPackFiles(pack), await hostTrusting());

test.each(["kernels.json", "kernels.json.sig", MODULE])(
  "a symbolic link in place of %s is refused, wherever it points",
  async (path) => {
    const file = join(pack, path);
    await rename(file, join(outside, "moved"));
    for (const target of [join(outside, "moved"), "../../moved", "/dev/zero", "nowhere"]) {
      await symlink(target, file);
      expect((await failureIn(verifyFolder())).code).toBe("PACK_PATH_UNSAFE");
      await rm(file);
    }
  },
);

test("a symbolic link in place of a parent folder is refused", async () => {
  await rename(join(pack, "rope"), join(outside, "rope"));
  await symlink(join(outside, "rope"), join(pack, "rope"));
  expect((await failureIn(verifyFolder())).code).toBe("PACK_PATH_UNSAFE");
  await rm(join(pack, "rope"));
  await rename(join(outside, "rope"), join(pack, "elsewhere"));
  await symlink("elsewhere", join(pack, "rope")); // Also one that stays inside the pack.
  expect((await failureIn(verifyFolder())).code).toBe("PACK_PATH_UNSAFE");
});

test.each(["../secret", "rope/../../secret", "/etc/passwd", "", ".", "rope/..", "rope\\..\\x"])(
  "reading %j from a folder is refused before anything is opened",
  async (path) => {
    const files = await directoryFiles(pack);
    expect((await failureIn(files.read(path, 100))).code).toBe("PACK_PATH_UNSAFE");
  },
);

test("links that the manifest does not name are reported and not followed", async () => {
  await symlink("/", join(pack, "everything"));
  await symlink(pack, join(pack, "rope", "again"));
  const { warnings } = await verifyFolder();
  expect(warnings.map(({ at }) => at)).toEqual(["/everything", "/rope~1again"]);
});

/** A pack whose files somebody exchanges at a moment that the test chooses. */
async function meddled(
  when: "listed" | "read",
  path: string,
  meddle: () => Promise<void>,
): Promise<PackFiles> {
  const files = await directoryFiles(pack);
  return {
    list: async () => {
      const listed = await files.list();
      if (when === "listed") await meddle();
      return listed;
    },
    read: async (name, bytesMax) => {
      const bytes = await files.read(name, bytesMax);
      if (when === "read" && name === path) await meddle();
      return bytes;
    },
  };
}

test("a module exchanged after the listing is refused by its hash", async () => {
  const evil = () => writeFile(join(pack, MODULE), moduleOf(66));
  const source = await meddled("listed", MODULE, evil);
  expect((await failureIn(verifyPack(source, await hostTrusting()))).code).toBe("HASH_MISMATCH");
});

test("a module exchanged for a link after the listing is refused", async () => {
  const evil = async () => {
    await rm(join(pack, MODULE));
    await symlink(join(outside, "secret"), join(pack, MODULE));
  };
  const source = await meddled("listed", MODULE, evil);
  expect((await failureIn(verifyPack(source, await hostTrusting()))).code).toBe("PACK_PATH_UNSAFE");
});

test("a module exchanged after it was read stays what was hashed", async () => {
  const source = await meddled("read", MODULE, () => writeFile(join(pack, MODULE), moduleOf(66)));
  const verified = await verifyPack(source, await hostTrusting());
  await rm(pack, { recursive: true });
  const [kernel] = verified.kernels;
  expect(kernel!.copyBytes()).toEqual(moduleOf(0));
  expect(await kernelHash(kernel!.copyBytes())).toBe(kernel!.hash);
});

test("a manifest exchanged between its signature's check and its use is not used", async () => {
  const other = await signedPack({ manifest: { name: "other" } });
  const evil = () => writeFile(join(pack, "kernels.json"), other.get("kernels.json")!);
  const verified = await verifyPack(
    await meddled("read", "kernels.json", evil),
    await hostTrusting(),
  );
  expect(verified.manifest.name).toBe("test-kernels");
});

test("a signature exchanged after the listing is the one that is judged", async () => {
  const source = await meddled("listed", "", () =>
    writeFile(join(pack, "kernels.json.sig"), new Uint8Array(64).fill(7)),
  );
  expect((await failureIn(verifyPack(source, await hostTrusting()))).code).toBe("NO_TRUSTED_KEY");
});

test("whoever swaps a folder for a link while it is read never has the outside read as a module", async () => {
  const files = await directoryFiles(pack);
  await mkdir(join(outside, "evil"));
  await writeFile(join(outside, "evil", "rope_f32.wasm"), "secret");
  await symlink(join(outside, "evil"), join(outside, "link"));
  const [rope, aside] = [join(pack, "rope"), join(outside, "aside")];
  const stop = new AbortController();
  const swaps = (async () => {
    while (!stop.signal.aborted) {
      await rename(rope, aside);
      await rename(join(outside, "link"), rope);
      await rename(rope, join(outside, "link"));
      await rename(aside, rope);
    }
  })();
  const outcomes = new Set<string>();
  try {
    for (let round = 0; round < 300; round++) {
      const outcome = await files.read(MODULE, 100).catch((error: unknown) => error);
      if (outcome instanceof Failure) outcomes.add(outcome.code);
      else expect(outcome).toEqual(moduleOf(0));
    }
  } finally {
    stop.abort();
    await swaps; // Else they go on in a folder that is being removed.
  }
  for (const code of outcomes) expect(["PACK_PATH_UNSAFE", "PACK_UNREADABLE"]).toContain(code);
});

test("a file that grows while it is read is refused", async () => {
  const file = join(pack, MODULE);
  const files = await directoryFiles(pack);
  const stop = new AbortController();
  const growth = (async () => {
    for (let size = 0; !stop.signal.aborted; size = (size + 1) % 4096)
      await writeFile(file, new Uint8Array(size));
  })();
  try {
    for (let round = 0; round < 100; round++) {
      const outcome = await files.read(MODULE, 1024).catch((error: unknown) => error);
      if (!(outcome instanceof Failure))
        expect((outcome as Uint8Array).length).toBeLessThanOrEqual(1024);
    }
  } finally {
    stop.abort();
    await growth; // As above.
  }
});

test("a folder that went away is refused by name, whichever step notices it", async () => {
  const files = await directoryFiles(pack);
  await rm(pack, { recursive: true });
  for (const step of [() => files.list(), () => files.read(MODULE, 1024), verifyFolder])
    expect((await failureIn(step())).code).toBe("PACK_UNREADABLE");
});

/** The good pack as a tar, with `entry` put before it. */
async function tarWith(entry: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array([...entry, ...writeTar(await signedPack())]);
}

/** One header block with its checksum made right. */
function header(name: string, type: string, size: number, link = ""): Uint8Array {
  const block = writeTar(new Map([["x", new Uint8Array()]])).slice(0, 512);
  const put = (at: number, length: number, text: string) =>
    block.fill(0, at, at + length).set(new TextEncoder().encode(text), at);
  put(0, 100, name);
  put(124, 12, size.toString(8).padStart(11, "0"));
  put(156, 1, type);
  put(157, 100, link);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, 8, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

test.each([
  ["a symbolic link", header("link", "2", 0, "/etc/passwd"), "PACK_ARCHIVE_INVALID"],
  ["a hard link", header("link", "1", 0, "kernels.json"), "PACK_ARCHIVE_INVALID"],
  ["a device", header("null", "3", 0), "PACK_ARCHIVE_INVALID"],
  ["a FIFO", header("pipe", "6", 0), "PACK_ARCHIVE_INVALID"],
  ["a pax header", header("pax", "x", 0), "PACK_ARCHIVE_INVALID"],
  ["a GNU long name", header("././@LongLink", "L", 0), "PACK_ARCHIVE_INVALID"],
  ["a path that climbs", header("../x", "0", 0), "PACK_PATH_UNSAFE"],
  ["an absolute path", header("/etc/x", "0", 0), "PACK_PATH_UNSAFE"],
  ["a second manifest", header("kernels.json", "0", 0), "PACK_ARCHIVE_INVALID"],
  ["a file in place of a folder", header("rope", "0", 0), "PACK_ARCHIVE_INVALID"],
  ["an entry of 8 GiB", header("big", "0", 0o77777777777), "PACK_TOO_LARGE"],
  [
    "an entry that ends outside",
    header("big", "0", PACK_LIMITS.kernelBytesMax),
    "PACK_ARCHIVE_INVALID",
  ],
])("an archive with %s is refused", async (_what, entry, code) => {
  const outcome = verifyPack(await tarWith(entry), await hostTrusting()).then(() => "accepted");
  expect((await failureIn(outcome)).code).toBe(code);
});

test("an archive of a million empty files is refused without holding them", async () => {
  const entry = header("same", "0", 0);
  const bomb = new Uint8Array(512 * (PACK_LIMITS.archiveEntriesMax + 2));
  for (let at = 0; at < bomb.length; at += 512) {
    bomb.set(header(`f${at}`, "0", 0), at);
  }
  expect((await failureIn(verifyPack(bomb, await hostTrusting()))).code).toBe("PACK_TOO_LARGE");
  const twins = new Uint8Array([...entry, ...entry, ...new Uint8Array(1024)]);
  expect((await failureIn(verifyPack(twins, await hostTrusting()))).code).toBe(
    "PACK_ARCHIVE_INVALID",
  );
});

test("an archive that changes while it is judged changes nothing", async () => {
  const archive = writeTar(await signedPack());
  const judged = verifyPack(archive, await hostTrusting());
  archive.fill(0);
  const [kernel] = (await judged).kernels;
  expect(await kernelHash(kernel!.copyBytes())).toBe(kernel!.hash);
});
