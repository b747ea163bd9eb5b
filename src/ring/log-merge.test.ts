import { expect, test } from "vitest";

import { OPCODES, SLOT_STATUS } from "../layout/mod.ts";
import { LOG_HASH_START, type LogRecord } from "./log.ts";
import { mergeLogs } from "./log-merge.ts";
import { slotMessage } from "./ring.ts";

/** A NOP's record under a ticket, or a fence's for `items` slots of batch 3. */
function record(
  ticket: number,
  { batch = 0, items = 0, status = SLOT_STATUS.DONE as number } = {},
): LogRecord {
  const fence = slotMessage(OPCODES.BATCH_FENCE.code, [items, 1, 3]);
  return {
    ...{ number: 1, slot: 0, ticket: ticket >>> 0, owner: 1, batch, mask: 1, status, code: 0 },
    ...{ detail: 0, writes: 0, writesHash: LOG_HASH_START, firstWrites: [] },
    published: [...(items > 0 ? fence : slotMessage(OPCODES.NOP.code))],
  };
}

const ticketsOf = (...logs: LogRecord[][]): number[] =>
  [...mergeLogs(logs)].map(({ ticket }) => ticket | 0);

test("mergeLogs() goes by tickets, also where they wrap, and keeps each log's own order", () => {
  const [a, b] = [[-3, 1, 4].map((t) => record(t)), [-2, 9, 3].map((t) => record(t))];
  expect(ticketsOf(a, b)).toEqual([-3, -2, 1, 4, 9, 3]);
  expect([ticketsOf(), ticketsOf([]), ticketsOf([], a)]).toEqual([[], [], [-3, 1, 4]]);
});

test("mergeLogs() lets a fence wait for its batch, whatever the tickets of other lanes are", () => {
  const fence = record(2, { items: 2 });
  const items = [50, 60].map((ticket) => record(ticket, { batch: 3 }));
  expect(ticketsOf([fence], items)).toEqual([50, 60, 2]);
  expect(ticketsOf(items, [fence])).toEqual([50, 60, 2]);
  const again = [70, 80].map((ticket) => record(ticket, { batch: 3 + 256 }));
  expect(ticketsOf([fence, record(3, { items: 2 })], [...items, ...again])).toEqual([
    50,
    60,
    2,
    70,
    80,
    3, // A fence takes its items from the counter, so that the next one waits too.
  ]);
});

test("mergeLogs() lets a fence pass that waited for nothing, or whose batch no log holds", () => {
  const faulted = record(2, { items: 2, status: SLOT_STATUS.FAULT });
  const items = [50, 60].map((ticket) => record(ticket, { batch: 3 }));
  expect(ticketsOf(items, [faulted])).toEqual([2, 50, 60]);
  expect(ticketsOf([record(2, { items: 3 })], items)).toEqual([50, 60, 2]);
});
