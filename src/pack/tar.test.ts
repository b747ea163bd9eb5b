import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure, PACK_LIMITS } from "../base/mod.ts";
import { failureIn, failureOf } from "./failure-of.fixture.ts";
import { tarFiles } from "./files.ts";
import { readTar, writeTar } from "./tar.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const archiveOf = (files: Record<string, string>) =>
  writeTar(new Map(Object.entries(files).map(([path, text]) => [path, bytes(text)])));
const faultOf = (archive: Uint8Array) => failureOf(() => readTar(archive)).detail["fault"];

/** The archive with the text at `at` of its first header replaced and the checksum made right. */
function patched(archive: Uint8Array, at: number, text: string): Uint8Array {
  const copy = archive.slice();
  copy.set(
    Uint8Array.from(text, (character) => character.charCodeAt(0)),
    at,
  );
  copy.fill(0x20, 148, 156);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.set(bytes(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return copy;
}

const ONE = archiveOf({ "a/b.wasm": "hello" });

const paths = fc
  .array(fc.stringMatching(/^[a-z]{1,60}$/), { minLength: 1, maxLength: 3 })
  .map((steps) => steps.join("/"));

test("readTar() reads what writeTar() wrote", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(paths, { maxLength: 6 }),
      fc.uint8Array({ maxLength: 1100 }),
      (names, content) => {
        const clear = names.filter((name) => !names.some((other) => other.startsWith(`${name}/`)));
        const files = new Map(clear.map((name) => [name, content]));
        expect(new Map(readTar(writeTar(files)))).toEqual(files);
      },
    ),
  );
});

test("writeTar() prints the same bytes whatever the order of the files", () => {
  const one = archiveOf({ "b.wasm": "b", "a/c": "c", a0: "a" });
  const two = archiveOf({ a0: "a", "b.wasm": "b", "a/c": "c" });
  expect(one).toEqual(two);
  expect([...readTar(one).keys()]).toEqual(["a/c", "a0", "b.wasm"]);
});

test("writeTar() splits a long path over both name fields, and refuses one that fits neither", () => {
  const long = `${"a".repeat(150)}/${"b".repeat(100)}`;
  expect([...readTar(archiveOf({ [long]: "x" })).keys()]).toEqual([long]);
  expect(failureOf(() => archiveOf({ ["a".repeat(101)]: "x" })).code).toBe("PACK_PATH_UNSAFE");
  expect(failureOf(() => archiveOf({ [`${"a".repeat(156)}/b`]: "x" })).code).toBe(
    "PACK_PATH_UNSAFE",
  );
  expect(failureOf(() => archiveOf({ "../a": "x" })).code).toBe("PACK_PATH_UNSAFE");
});

test("readTar() reads folders as nothing, and files that older writers mark with a zero byte", () => {
  const folder = patched(archiveOf({ ab: "" }), 0, "a/").fill(0x35, 156, 157);
  const archive = new Uint8Array([...patched(folder, 0, "a/").subarray(0, 512), ...ONE]);
  expect([...readTar(archive).keys()]).toEqual(["a/b.wasm"]);
  expect([...readTar(patched(ONE, 156, "\0")).keys()]).toEqual(["a/b.wasm"]);
});

test("readTar() reads an archive filled up to a writer's record", () => {
  const filled = new Uint8Array(10_240);
  filled.set(ONE);
  expect(readTar(filled).size).toBe(1);
  expect(readTar(new Uint8Array(1024)).size).toBe(0);
});

test.each(["../x", "/etc/x", "a/../../x", "a//b", "./a", "a\\b", "C:x", "é", ""])(
  "readTar() refuses the name %j",
  (name) => {
    const failure = failureOf(() => readTar(patched(ONE, 0, name.padEnd(100, "\0"))));
    expect(failure.code).toBe("PACK_PATH_UNSAFE");
  },
);

test.each([
  [0, "a\0b", "NAME"],
  [124, "\u0080\0\0\0\0\0\0\0\0\0\0\u0005", "NUMBER"],
  [124, "-0000000005\0", "NUMBER"],
  [124, "00000000009\0", "NUMBER"],
  [257, "ustar  \0", "NO_MAGIC"],
  [257, "\0\0\0\0\0\0\0\0", "NO_MAGIC"],
  [156, "1", "TYPE"],
  [156, "2", "TYPE"],
  [156, "3", "TYPE"],
  [156, "4", "TYPE"],
  [156, "6", "TYPE"],
  [156, "x", "TYPE"],
  [156, "g", "TYPE"],
  [156, "L", "TYPE"],
  [156, "S", "TYPE"],
  [156, "Z", "TYPE"],
  [156, "5", "FOLDER_SIZE"],
])("readTar() refuses a header that holds, from byte %i, %j: %s", (at, text, fault) => {
  const failure = failureOf(() => readTar(patched(ONE, at, text)));
  expect(failure.code).toBe("PACK_ARCHIVE_INVALID");
  expect(failure.detail["fault"]).toBe(fault);
});

test("readTar() refuses a wrong checksum, whichever bit of the header is flipped", () => {
  for (let at = 0; at < 512; at++) {
    const copy = ONE.slice();
    copy[at]! ^= 1;
    expect(failureOf(() => readTar(copy)).code).toMatch(/^PACK_/);
  }
});

test("readTar() refuses an archive cut at any block, and one cut within", () => {
  for (let length = 0; length < ONE.length; length += 256) {
    expect(faultOf(ONE.subarray(0, length))).toBe("TRUNCATED");
  }
});

test("readTar() refuses padding and endings that hide bytes", () => {
  const hidden = ONE.slice();
  hidden[512 + 5] = 1;
  expect(faultOf(hidden)).toBe("PADDING");
  expect(faultOf(new Uint8Array([...ONE, ...ONE]))).toBe("TRAILING");
  expect(faultOf(new Uint8Array([...ONE, 0]))).toBe("TRUNCATED");
});

function joined(...archives: Uint8Array[]): Uint8Array {
  const entries = archives.flatMap((archive) => [...archive.subarray(0, -1024)]); // Without its end.
  return new Uint8Array([...entries, ...new Uint8Array(1024)]);
}

test("readTar() refuses a name that stands twice, or is both file and folder", () => {
  expect(faultOf(joined(ONE, ONE))).toBe("DUPLICATE");
  expect(faultOf(joined(archiveOf({ a: "" }), ONE))).toBe("DUPLICATE");
  expect(faultOf(joined(ONE, archiveOf({ a: "" })))).toBe("DUPLICATE");
});

function emptyFiles(count: number): Uint8Array {
  const names = Array.from({ length: count }, (_, index) => `f${index}`);
  return writeTar(new Map(names.map((name) => [name, new Uint8Array()])));
}

test("readTar() holds the number of entries on both sides", () => {
  const max = PACK_LIMITS.archiveEntriesMax;
  expect(readTar(emptyFiles(max)).size).toBe(max);
  expect(failureOf(() => readTar(emptyFiles(max + 1))).code).toBe("PACK_TOO_LARGE");
});

function claiming(size: number): Uint8Array {
  return patched(ONE, 124, `${size.toString(8).padStart(11, "0")}\0`);
}

test("readTar() holds the size of an entry on both sides, before looking for its bytes", () => {
  expect(faultOf(claiming(PACK_LIMITS.kernelBytesMax))).toBe("TRUNCATED");
  expect(faultOf(claiming(PACK_LIMITS.kernelBytesMax + 1))).toBe("ENTRY_SIZE");
  expect(faultOf(claiming(0o77777777777))).toBe("ENTRY_SIZE");
});

test("readTar() throws only Failures, whatever is flipped, cut or repeated", () => {
  const archive = archiveOf({ "kernels.json": "{}", "a/b.wasm": "hello" });
  const change = fc.tuple(fc.nat(archive.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), fc.nat(archive.length), (changes, length) => {
      const copy = archive.slice(0, length);
      for (const [at, value] of changes) if (at < length) copy[at] = value;
      try {
        readTar(copy);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
      }
    }),
  );
});

test("tarFiles() keeps its own copy of the archive and lends nobody else's", async () => {
  const archive = ONE.slice();
  const files = tarFiles(archive);
  archive.fill(0);
  const first = await files.read("a/b.wasm", 5);
  first.fill(0);
  expect(await files.read("a/b.wasm", 5)).toEqual(bytes("hello"));
  expect((await failureIn(files.read("a/b.wasm", 4))).code).toBe("PACK_TOO_LARGE");
  expect((await failureIn(files.read("a", 4))).code).toBe("PACK_UNREADABLE");
});

test("readTar() holds the size of an archive on both sides", () => {
  const zeros = new Uint8Array(PACK_LIMITS.archiveBytesMax + 512);
  expect(readTar(zeros.subarray(0, PACK_LIMITS.archiveBytesMax)).size).toBe(0);
  expect(faultOf(zeros)).toBe("ARCHIVE_SIZE");
});
