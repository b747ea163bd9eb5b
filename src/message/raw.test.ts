import { expect, test } from "vitest";
import { Views } from "./field.ts";
import { RawMessage } from "./raw.ts";
import { message } from "./schema.ts";
import { text, u32 } from "./field.ts";

test("RawMessage writes what a declared message reads", () => {
  const Note = message({ priority: u32, body: text() });
  const from = new Views(new SharedArrayBuffer(256));
  const bytes = Note.write(from, 64, { priority: 7, body: "grüße" });
  const raw = new RawMessage(Note.id);
  const payload = from.u8.slice(64, 64 + bytes);
  const to = new Views(new SharedArrayBuffer(256));
  expect(raw.bytesOf(payload)).toBe(bytes);
  expect(raw.write(to, 128, payload)).toBe(bytes);
  expect(Note.fits(to, 128, bytes)).toBe(true);
  expect(Note.read(to, 128)).toEqual({ priority: 7, body: "grüße" });
  expect(String(raw)).toBe(`message ${Note.id}`);
});
