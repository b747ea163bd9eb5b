import { expect, test } from "vitest";

import {
  CONTROL_BLOCK,
  MAX_PAYLOAD_BYTES,
  MESSAGE_HEADER,
  MESSAGE_MAGIC,
  MESSAGE_VERSION,
  TELEMETRY_BUFFER,
} from "./actor.layout.ts";
import { fieldsOf, type Layout } from "./layout.ts";

/** Each field, padding too, as "offset name kind" and its count where that is not 1. */
const rows = (table: Layout): string[] =>
  fieldsOf(table, true).map(([name, { at, kind, count }]) =>
    [at, name, kind, ...(count === 1 ? [] : [count])].join(" "),
  );

test("CONTROL_BLOCK has RingKernel's 128 bytes", () => {
  expect(CONTROL_BLOCK.bytes).toBe(128);
  expect(rows(CONTROL_BLOCK)).toEqual([
    ...["0 is_active u32", "4 should_terminate u32", "8 has_terminated u32", "12 flags_pad pad 4"],
    ...["16 messages_processed u64", "24 messages_in_flight u64"],
    ...["32 input_head u64", "40 input_tail u64", "48 output_head u64", "56 output_tail u64"],
    ...["64 input_capacity u32", "68 output_capacity u32", "72 input_mask u32"],
    ...["76 output_mask u32", "80 hlc_physical u64", "88 hlc_logical u64"],
    ...["96 last_error u32", "100 error_count u32", "104 reserved u8 24"],
  ]);
});

test("MESSAGE_HEADER has RingKernel's 256 bytes, with tenant and audit tag from 128 on", () => {
  expect(MESSAGE_HEADER.bytes).toBe(256);
  expect(rows(MESSAGE_HEADER)).toEqual([
    ...["0 magic u64", "8 version u32", "12 flags u32", "16 message_id u64"],
    ...["24 correlation_id u64", "32 source_kernel u64", "40 dest_kernel u64"],
    ...["48 message_type u64", "56 priority u8", "57 priority_pad pad 7", "64 payload_size u64"],
    ...["72 checksum u32", "76 checksum_pad pad 4"],
    ...["80 timestamp_physical u64", "88 timestamp_logical u64", "96 timestamp_node u64"],
    ...["104 deadline_physical u64", "112 deadline_logical u64", "120 deadline_node u64"],
    ...["128 tenant u64", "136 audit_org u64", "144 audit_engagement u64", "152 reserved pad 104"],
  ]);
});

test("TELEMETRY_BUFFER has RingKernel's 64 bytes", () => {
  expect(TELEMETRY_BUFFER.bytes).toBe(64);
  expect(rows(TELEMETRY_BUFFER)).toEqual([
    ...["0 messages_processed u64", "8 messages_dropped u64", "16 total_latency_us u64"],
    ...["24 min_latency_us u64", "32 max_latency_us u64", "40 input_queue_depth u32"],
    ...["44 output_queue_depth u32", "48 last_error u32", "52 reserved pad 12"],
  ]);
});

test("MESSAGE_MAGIC spells RINGKERN from its highest byte", () => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, MESSAGE_MAGIC);
  expect(String.fromCharCode(...bytes)).toBe("RINGKERN");
  expect([MESSAGE_VERSION, MAX_PAYLOAD_BYTES]).toEqual([1, 65_536]);
});
