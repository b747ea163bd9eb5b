// Rebuilt: messages as their kernels' threads declare them, made again where they are received.

import { type Fields, type Message, message } from "../message/mod.ts";
import type { MessageDescription } from "./kernel-spec.ts";

/** Those that were made: kernels are many and messages few, and each is code that is compiled. */
const known = new Map<string, Message>();
const KNOWN_MAX = 1024;

/** The message of a description: the same one for the same description, as long as it is known. */
export function rebuilt(description: MessageDescription): Message {
  const { id, name, fields } = description;
  const key = JSON.stringify([id, name, fields]);
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make(description);
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(key, made);
  return made;
}

function make({ id, name, fields }: MessageDescription): Message {
  const own: Fields = Object.fromEntries(
    fields.map(({ name: field, ...rest }) => [field, { ...rest, name: nameOf(rest) }]),
  );
  const named = name === undefined ? {} : { name };
  const made = message(own, named);
  return made.id === id ? made : message(own, { id, ...named });
}

function nameOf({
  kind,
  scalar,
  count,
}: Omit<MessageDescription["fields"][number], "name">): string {
  if (kind === "array") return `${scalar}[${count}]`;
  if (kind === "list") return `${scalar}[]`;
  return kind === "scalar" ? scalar : kind;
}
