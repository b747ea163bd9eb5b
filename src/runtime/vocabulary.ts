// Vocabulary: messages as their kernels' threads declare them, made again where they are received.

import { type Fields, type Message, message } from "../message/mod.ts";
import type { Launched, MessageDescription } from "./kernel-spec.ts";

/** A kernel's messages as its host reads them. */
export interface Vocabulary {
  /** What the kernel gives, by type. */
  readonly gives: ReadonlyMap<number, Message>;
  /** What a message is called that it takes or gives. */
  readonly nameOf: (type: number) => string | undefined;
}

/** Those that were made. Kernels are many and their messages few, and each message is code that is compiled. */
const known = new Map<string, Vocabulary>();
const KNOWN_MAX = 1024;

/** The same one for the same descriptions, as long as it is known. */
export function vocabularyOf({ takes, gives }: Pick<Launched, "takes" | "gives">): Vocabulary {
  const key = JSON.stringify([takes, gives]);
  const found = known.get(key);
  if (found !== undefined) return found;
  const given = byType(gives);
  const all = new Map([...given, ...byType(takes)]);
  const made: Vocabulary = { gives: given, nameOf: (type) => all.get(type)?.toString() };
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(key, made);
  return made;
}

function byType(descriptions: readonly MessageDescription[]): Map<number, Message> {
  return new Map(descriptions.map((one) => [one.id, rebuilt(one)]));
}

function rebuilt({ id, name, fields }: MessageDescription): Message {
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
