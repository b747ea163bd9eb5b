// Tar header: the 512-byte block before each entry of a ustar archive (POSIX.1-1988), both ways.
//
// Numbers are octal digits. The checksum is the sum of the block's bytes with the checksum's own eight
// read as spaces.

export const BLOCK_BYTES = 512;

/** Where each field lies: offset and length in bytes. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8], // With the version: "ustar", a zero byte, "00".
  prefix: [345, 155],
} as const;

type FieldName = keyof typeof FIELDS;

/** The entry types by their letter. Only files and folders are ever accepted. */
export const TYPE_NAMES: Readonly<Record<string, string>> = {
  "0": "file",
  "\0": "file",
  "1": "hard link",
  "2": "symbolic link",
  "3": "character device",
  "4": "block device",
  "5": "folder",
  "6": "FIFO",
  "7": "contiguous file",
  g: "pax global header",
  x: "pax header",
  L: "GNU long name",
  K: "GNU long link",
  S: "GNU sparse file",
};

export interface TarHeader {
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

/** What is wrong with a header, in one stable word and a few for people. */
export interface HeaderFault {
  readonly fault: "NO_MAGIC" | "CHECKSUM" | "NUMBER" | "NAME";
  readonly found: string;
}

/** Reads a header block. The name is not judged here beyond its being text that ends once. */
export function readHeader(block: Uint8Array): TarHeader | HeaderFault {
  const magic = textOf(block, "magic");
  if (magic !== "ustar\u000000") return { fault: "NO_MAGIC", found: JSON.stringify(magic) };
  const stored = octalOf(block, "checksum");
  const sum = checksumOf(block);
  if (stored !== sum)
    return { fault: "CHECKSUM", found: `${stored}, while the bytes sum to ${sum}` };
  const size = octalOf(block, "size");
  if (size === undefined) return { fault: "NUMBER", found: JSON.stringify(textOf(block, "size")) };
  const [prefix, name] = [nameOf(block, "prefix"), nameOf(block, "name")];
  if (prefix === undefined || name === undefined)
    return { fault: "NAME", found: "bytes after its end" };
  return { name: prefix === "" ? name : `${prefix}/${name}`, type: textOf(block, "type"), size };
}

/** Writes the header of a plain file. Undefined when the path does not fit ustar's two name fields. */
export function writeHeader(path: string, size: number): Uint8Array | undefined {
  const split = splitPath(path);
  if (split === undefined) return undefined;
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (field: FieldName, text: string): void =>
    block.set(new TextEncoder().encode(text), FIELDS[field][0]);
  const octal = (field: FieldName, value: number): void =>
    put(field, value.toString(8).padStart(FIELDS[field][1] - 1, "0"));
  put("name", split.name);
  put("prefix", split.prefix);
  octal("mode", 0o644);
  octal("uid", 0);
  octal("gid", 0);
  octal("size", size);
  octal("mtime", 0);
  put("type", "0");
  put("magic", "ustar\u000000");
  put("checksum", `${checksumOf(block).toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** The whole path in `name` when it fits; else its last steps there and the first in `prefix`. */
function splitPath(path: string): { readonly prefix: string; readonly name: string } | undefined {
  if (path.length <= FIELDS.name[1]) return { prefix: "", name: path };
  const cut = path.indexOf("/", path.length - FIELDS.name[1] - 1);
  if (cut < 0 || cut > FIELDS.prefix[1]) return undefined;
  return { prefix: path.slice(0, cut), name: path.slice(cut + 1) };
}

function checksumOf(block: Uint8Array): number {
  const [from, length] = FIELDS.checksum;
  return block.reduce((sum, byte, at) => sum + (at >= from && at < from + length ? 0x20 : byte), 0);
}

function octalOf(block: Uint8Array, field: FieldName): number | undefined {
  const digits = /^ *([0-7]{1,12})[ \0]*$/.exec(textOf(block, field))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

/** Text up to the first zero byte; undefined when something other than zeros follows. */
function nameOf(block: Uint8Array, field: "name" | "prefix"): string | undefined {
  const [text = "", ...rest] = textOf(block, field).split("\0");
  return rest.every((part) => part === "") ? text : undefined;
}

/** Bytes as Latin-1, so that each is one character; a path with any beyond ASCII is refused later. */
function textOf(block: Uint8Array, field: FieldName): string {
  const [from, length] = FIELDS[field];
  return String.fromCharCode(...block.subarray(from, from + length));
}
