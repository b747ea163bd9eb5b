import * as fc from "fast-check";
import { expect, test } from "vitest";

import { Failure } from "../base/mod.ts";
import { MAX_PAYLOAD_BYTES, MESSAGE_HEADER } from "../layout/mod.ts";
import { failureOf } from "../pack/failure-of.fixture.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope } from "./wire.ts";

const NEVER = { physicalUs: 0n, logical: 0n, node: 0n };

/** Every field has another value, so that two that are swapped show. */
const SAMPLE: Envelope = {
  messageId: 0x0102_0304_0506_0708n,
  correlationId: 2n,
  source: 3n,
  dest: 4n,
  messageType: 5n,
  flags: 0xdead_beef,
  priority: 2,
  timestamp: { physicalUs: 6n, logical: 7n, node: 8n },
  deadline: { physicalUs: 9n, logical: 10n, node: 11n },
  tenant: 12n,
  auditOrg: 13n,
  auditEngagement: 2n ** 64n - 1n,
  payload: new TextEncoder().encode("123456789"),
};

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const stamp = fc.record({ physicalUs: word, logical: word, node: word });
const envelope: fc.Arbitrary<Envelope> = fc.record({
  ...{ messageId: word, correlationId: word, source: word, dest: word, messageType: word },
  flags: fc.nat(2 ** 32 - 1),
  priority: fc.constantFrom(0, 1, 2, 3),
  ...{ timestamp: stamp, deadline: stamp, tenant: word, auditOrg: word, auditEngagement: word },
  payload: fc.uint8Array({ maxLength: 300 }),
});

/** SAMPLE's bytes, with others from `at` on. */
function patched(at: number, ...bytes: number[]): Uint8Array {
  const message = encodeEnvelope(SAMPLE);
  message.set(bytes, at);
  return message;
}

const refusal = (bytes: Uint8Array, payloadBytesMax?: number): Failure =>
  failureOf(() => decodeEnvelope(bytes, payloadBytesMax === undefined ? {} : { payloadBytesMax }));

test("encodeEnvelope() writes the bytes that RingKernel reads, padding zero", () => {
  expect(
    Buffer.from(encodeEnvelope(SAMPLE))
      .toString("hex")
      .match(/.{1,32}/g),
  ).toEqual([
    ...["4e52454b474e495201000000efbeadde", "08070605040302010200000000000000"],
    ...["03000000000000000400000000000000", "05000000000000000200000000000000"],
    ...["0900000000000000839206e300000000", "06000000000000000700000000000000"],
    ...["08000000000000000900000000000000", "0a000000000000000b00000000000000"],
    ...["0c000000000000000d00000000000000", "ffffffffffffffff0000000000000000"],
    ...Array.from({ length: 6 }, () => "0".repeat(32)),
    "313233343536373839",
  ]);
});

test("decodeEnvelope() reads back what encodeEnvelope() wrote, wherever it lies", () => {
  fc.assert(
    fc.property(envelope, fc.nat(9), (message, offset) => {
      const bytes = encodeEnvelope(message);
      const elsewhere = new Uint8Array(offset + bytes.length + 3);
      elsewhere.set(bytes, offset);
      const there = elsewhere.subarray(offset, offset + bytes.length);
      expect(decodeEnvelope(there)).toEqual(message);
    }),
  );
});

test("decodeEnvelope() gives a payload of its own, also out of a Buffer or shared memory", () => {
  const written = encodeEnvelope(SAMPLE);
  const shared = new Uint8Array(new SharedArrayBuffer(written.length));
  shared.set(written);
  for (const bytes of [written, Buffer.from(written), shared]) {
    const { payload } = decodeEnvelope(bytes);
    bytes.fill(0);
    expect(payload).toEqual(SAMPLE.payload);
  }
});

test("decodeEnvelope() does not look at reserved bytes", () => {
  for (const at of [57, 63, 76, 152, 255])
    expect(decodeEnvelope(patched(at, 0xff))).toEqual(SAMPLE);
});

test.each([
  ["header", new Uint8Array(0), "0 bytes", "256 at least"],
  ["header", encodeEnvelope(SAMPLE).subarray(0, 255), "255 bytes", "256 at least"],
  ["magic", patched(0, 0x4f), "0x52494e474b45524f", "0x52494e474b45524e"],
  ["version", patched(8, 2), "2", "1"],
  ["version", patched(8, 0), "0", "1"],
  ["payload_size", patched(64, 8), "8 bytes", "the 9 that follow the header"],
  ["payload_size", patched(64, 10), "10 bytes", "the 9 that follow the header"],
  ["payload_size", patched(64, 1, 0, 1), "65537 bytes", "65536 at most"],
  ["payload_size", patched(71, 0x80), "9223372036854775817 bytes", "65536 at most"],
  ["checksum", patched(72, 0x84), "0xe3069284", "the payload's 0xe3069283"],
  ["checksum", patched(264, 0x38), "0xe3069283", "the payload's 0x"],
  ["priority", patched(56, 4), "4", "0 to 3"],
])("decodeEnvelope() refuses another %s (%#)", (field, bytes, found, expected) => {
  const failure = refusal(bytes);
  expect([failure.code, failure.at, failure.found]).toEqual(["MESSAGE_INVALID", field, found]);
  expect(failure.expected).toContain(expected);
  expect(failure.detail).toEqual({ field });
});

test("a payload may have as many bytes as the maximum, and not one more", () => {
  const of = (length: number): Envelope => ({ ...SAMPLE, payload: new Uint8Array(length) });
  const largest = encodeEnvelope(of(MAX_PAYLOAD_BYTES));
  expect(decodeEnvelope(largest).payload.length).toBe(MAX_PAYLOAD_BYTES);
  expect(failureOf(() => encodeEnvelope(of(MAX_PAYLOAD_BYTES + 1))).at).toBe("payload_size");

  expect(decodeEnvelope(encodeEnvelope(SAMPLE), { payloadBytesMax: 9 })).toEqual(SAMPLE);
  expect(refusal(encodeEnvelope(SAMPLE), 8).expected).toBe("8 at most");
  const wide = { payloadBytesMax: MAX_PAYLOAD_BYTES + 1 };
  const larger = encodeEnvelope(of(MAX_PAYLOAD_BYTES + 1), wide);
  expect(decodeEnvelope(larger, wide).payload.length).toBe(MAX_PAYLOAD_BYTES + 1);
  expect(refusal(larger).at).toBe("payload_size");
});

test.each([
  ["message_id", { messageId: -1n }],
  ["tenant", { tenant: 2n ** 64n }],
  ["deadline_node", { deadline: { ...NEVER, node: 2n ** 64n } }],
  ["flags", { flags: 2 ** 32 }],
  ["flags", { flags: -1 }],
  ["priority", { priority: 4 as 3 }],
  ["priority", { priority: 1.5 as 1 }],
])("encodeEnvelope() refuses a %s that its field cannot hold (%#)", (field, part) => {
  const failure = failureOf(() => encodeEnvelope({ ...SAMPLE, ...part }));
  expect([failure.code, failure.at]).toEqual(["MESSAGE_INVALID", field]);
});

test("decodeEnvelope() ends 10,000 hostile byte strings in a message or MESSAGE_INVALID", () => {
  const patch = fc.tuple(fc.nat(MESSAGE_HEADER.bytes + 8), fc.nat(255));
  const damaged = fc
    .tuple(fc.array(patch, { maxLength: 4 }), fc.nat(MESSAGE_HEADER.bytes + 9))
    .map(([patches, length]) => {
      const bytes = encodeEnvelope(SAMPLE);
      for (const [at, byte] of patches) bytes[at] = byte;
      return length % 3 === 0 ? bytes.subarray(0, length) : bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), damaged), (bytes) => {
      try {
        expect(decodeEnvelope(bytes).payload.length).toBe(bytes.length - MESSAGE_HEADER.bytes);
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== "MESSAGE_INVALID") throw error;
      }
    }),
    { numRuns: 10_000 },
  );
});
