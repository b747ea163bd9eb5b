// Checkpoints as bytes: what is written is read, and nothing else is.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { CHECKPOINT_HEADER, MESSAGE_HEADER } from "../layout/mod.ts";
import { crc32c, type Envelope } from "../message/mod.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";

const NEVER = { physicalUs: 0n, logical: 0n, node: 0n };
const envelope = (type: number, payload: string): Envelope => ({
  ...{ messageId: 7n, correlationId: 0n, source: 3n, dest: 0n, messageType: BigInt(type) },
  ...{ flags: 0x201, priority: 1, timestamp: { ...NEVER, physicalUs: 9n }, deadline: NEVER },
  ...{ tenant: 0n, auditOrg: 0n, auditEngagement: 0n, payload: new TextEncoder().encode(payload) },
});
const SAMPLE: Checkpoint = {
  ...{ id: "bänk", types: [5, 2 ** 32 - 1, 8], state: Uint8Array.of(1, 2, 3), calls: 4 },
  messages: [envelope(5, "first"), envelope(8, ""), envelope(2 ** 32 - 1, "third")],
  ...{ stampHigh: 0xfedc_ba98, stampLow: 0x8000_0001 },
};
const at = (field: keyof typeof CHECKPOINT_HEADER.fields): number =>
  CHECKPOINT_HEADER.fields[field].at;

/** The failure of reading these bytes, with its place. */
function refusalOf(bytes: Uint8Array): { code: string; at: string | undefined } | undefined {
  try {
    decodeCheckpoint(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { code: error.code, at: error.at };
  }
}

/** Changes words of the header, and corrects its checksum: not an accident, but an attack. */
function forged(
  changes: Partial<Record<keyof typeof CHECKPOINT_HEADER.fields, number>>,
): Uint8Array {
  const bytes = encodeCheckpoint(SAMPLE);
  const view = new DataView(bytes.buffer);
  for (const [field, value] of Object.entries(changes))
    view.setUint32(at(field as keyof typeof CHECKPOINT_HEADER.fields), value, true);
  return sealed(bytes);
}

function sealed(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  const view = new DataView(bytes.buffer);
  let from: number = CHECKPOINT_HEADER.bytes;
  for (const section of ["id", "types", "state", "queue"] as const) {
    const to = Math.min(from + view.getUint32(at(`${section}_bytes`), true), bytes.length);
    view.setUint32(at(`${section}_checksum`), crc32c(bytes, Math.min(from, to), to), true);
    from = to;
  }
  view.setUint32(at("checksum"), crc32c(bytes, 0, at("checksum")), true);
  return bytes;
}

test("decodeCheckpoint() reads what encodeCheckpoint() wrote, with types ascending", () => {
  const read = decodeCheckpoint(encodeCheckpoint(SAMPLE));
  expect(read).toEqual({ ...SAMPLE, types: [5, 8, 2 ** 32 - 1] });
  const bare = { ...SAMPLE, id: "", types: [], state: new Uint8Array(), messages: [] };
  expect(decodeCheckpoint(encodeCheckpoint(bare))).toEqual(bare);
});

test("One bit anywhere that changes is CHECKPOINT_INVALID", () => {
  const bytes = encodeCheckpoint(SAMPLE);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    expect(refusalOf(bytes)?.code, `bit ${bit}`).toBe("CHECKPOINT_INVALID");
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  expect(refusalOf(bytes)).toBe(undefined);
});

test("A checkpoint that is cut or goes on is CHECKPOINT_INVALID", () => {
  const bytes = encodeCheckpoint(SAMPLE);
  for (let length = 0; length < bytes.length; length++)
    expect(refusalOf(bytes.subarray(0, length))?.code).toBe("CHECKPOINT_INVALID");
  expect(refusalOf(Uint8Array.of(...bytes, 0))?.at).toBe("sections");
});

test("Lies under a right checksum are refused where they are told", () => {
  const lies = {
    magic: forged({ magic: 1 }),
    version: forged({ version: 2 }),
    reserved: forged({ reserved: 1 }),
    sections: forged({ state_bytes: 0xffff_ffff }),
    types: forged({ types_bytes: 10, state_bytes: 5 }),
    messages: forged({ messages: 0xffff_ffff }),
  };
  for (const [where, bytes] of Object.entries(lies))
    expect(refusalOf(bytes)).toEqual({ code: "CHECKPOINT_INVALID", at: where });
  expect(refusalOf(forged({ messages: 2 }))?.at).toBe("messages");
  expect(refusalOf(forged({ messages: 4 }))?.at).toBe("messages");
  const types = encodeCheckpoint({ ...SAMPLE, types: [5, 8] });
  expect(refusalOf(types)).toEqual({ code: "CHECKPOINT_INVALID", at: "message 2" });
  const size = forged({});
  const queue = size.length - 3 * MESSAGE_HEADER.bytes - 10;
  new DataView(size.buffer).setBigUint64(
    queue + MESSAGE_HEADER.fields.payload_size.at,
    2n ** 63n,
    true,
  );
  expect(refusalOf(sealed(size as Uint8Array<ArrayBuffer>))?.at).toBe("messages");
});

test("bytesMax bounds writing and reading, on both sides", () => {
  const { length } = encodeCheckpoint(SAMPLE);
  expect(encodeCheckpoint(SAMPLE, { bytesMax: length }).length).toBe(length);
  expect(() => encodeCheckpoint(SAMPLE, { bytesMax: length - 1 })).toThrow(
    expect.objectContaining({ code: "STATE_UNSAVABLE" }),
  );
  const bytes = encodeCheckpoint(SAMPLE);
  expect(decodeCheckpoint(bytes, { bytesMax: length }).id).toBe("bänk");
  expect(() => decodeCheckpoint(bytes, { bytesMax: length - 1 })).toThrow(
    expect.objectContaining({ code: "CHECKPOINT_INVALID", at: "size" }),
  );
});

test("Random bytes under right checksums are a checkpoint or CHECKPOINT_INVALID", () => {
  const sample = encodeCheckpoint(SAMPLE);
  const change = fc.record({ at: fc.nat(sample.length - 1), to: fc.nat(255) });
  let whole = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.boolean(), (changes, seal) => {
      const bytes = sample.slice();
      for (const { at: byte, to } of changes) bytes[byte] = to;
      const refusal = refusalOf(seal ? sealed(bytes) : bytes);
      if (refusal === undefined) whole++;
      else expect(refusal.code).toBe("CHECKPOINT_INVALID");
    }),
    { numRuns: 5000 },
  );
  expect(whole).toBeGreaterThan(0); // Some changes only change the state, or a stamp.
});
