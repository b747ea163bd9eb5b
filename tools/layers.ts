// Layers: which room may open which door. `npm run check` fails on any other import.
//
// A room is a folder of `src`; its door is `mod.ts`, and a few have a narrow one beside it. Files of one room import each other directly,
// outsiders use the door, and arrows only point to rooms that stand in the row. A new arrow is a
// one-line change here that a reviewer sees.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

import { importsOf, withoutComments } from "./imports.ts";

export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  layout: ["base"],
  tensor: ["base"],
  rope: ["base"],
  reference: ["base", "layout", "tensor"],
  pack: ["base", "layout"],
  ring: ["base", "layout"],
  executor: ["base", "layout", "ring"],
  message: ["base", "layout"],
  bridge: ["base", "layout"],
  runtime: ["base", "layout", "ring", "message"],
  monitor: ["base", "runtime"],
  sandbox: ["base", "layout", "pack"],
  bypass: ["base", "pack"],
  model: ["base", "tensor", "rope", "pack", "sandbox", "bypass"],
  testing: ["base", "layout", "tensor", "pack", "sandbox"],
  platform: [
    "base",
    "pack",
    "bridge",
    "ring",
    "executor",
    "sandbox",
    "model",
    "message",
    "runtime",
    "monitor",
  ], // Implements the seams those rooms declare.
  cli: [
    "base",
    "layout",
    "tensor",
    "reference",
    "pack",
    "ring",
    "executor",
    "message",
    "runtime",
    "monitor",
    "sandbox",
    "bypass",
    "model",
    "testing",
    "platform",
  ],
  ".": [
    "base",
    "layout",
    "tensor",
    "rope",
    "reference",
    "pack",
    "ring",
    "executor",
    "message",
    "bridge",
    "runtime",
    "monitor",
    "sandbox",
    "bypass",
    "model",
    "testing",
    "platform",
  ], // The front door.
};

/** Doors beside `mod.ts`, which open on less: for the threads that serve kernels. */
const NARROW_DOORS = ["layout/print.ts", "ring/core.ts", "runtime/thread.ts"];
const PLATFORM_DOOR = /^platform\/\w+\/(mod|runtime-door)\.ts$/;

/** One import that breaks the table or goes round a door. */
export interface Breach {
  readonly file: string;
  readonly specifier: string;
  readonly why: string;
}

/** Checks every import of every file under `source` against the table. */
export function breaches(source: string): Breach[] {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
  );
  return [...files.flatMap((file) => breachesOf(source, file)), ...cycles(source, files)];
}

function breachesOf(source: string, file: string): Breach[] {
  const room = roomOf(file);
  const found: Breach[] = [];
  for (const specifier of importsOf(withoutComments(readFileSync(join(source, file), "utf8")))) {
    if (!specifier.startsWith(".")) continue;
    const target = relative(source, resolve(source, dirname(file), specifier));
    const why = verdict(room, target);
    if (why !== undefined) found.push({ file, specifier, why });
  }
  return found;
}

function verdict(room: string, target: string): string | undefined {
  if (target.startsWith("..")) return "leaves src";
  const to = roomOf(target);
  if (to === room) return undefined;
  if (!(LAYERS[room] ?? []).includes(to)) return `${room} may not open ${to}`;
  const path = target.split(sep).join("/");
  const isDoor = to === "platform" ? PLATFORM_DOOR.test(path) : /^\w+\/mod\.ts$/.test(path);
  return isDoor || NARROW_DOORS.includes(path) ? undefined : `goes round the door of ${to}`;
}

/** Loops of value imports among the files: each is named once, by its first file. */
function cycles(source: string, files: readonly string[]): Breach[] {
  const edges = new Map(files.map((file) => [file, valueImports(source, file)]));
  const state = new Map<string, "open" | "done">();
  const found: Breach[] = [];
  const visit = (file: string): void => {
    state.set(file, "open");
    for (const next of edges.get(file) ?? []) {
      if (state.get(next) === "open") found.push({ file, specifier: next, why: "closes a cycle" });
      else if (!state.has(next)) visit(next);
    }
    state.set(file, "done");
  };
  for (const file of files) if (!state.has(file)) visit(file);
  return found;
}

function valueImports(source: string, file: string): string[] {
  const text = readFileSync(join(source, file), "utf8").replaceAll(
    /^(import|export) type .*$/gm,
    "",
  );
  return importsOf(text)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => relative(source, resolve(source, dirname(file), specifier)));
}

function roomOf(file: string): string {
  const [first, ...rest] = file.split(sep);
  return rest.length === 0 ? "." : first!;
}

if (import.meta.main) {
  const found = breaches(resolve(import.meta.dirname, "../src"));
  for (const { file, specifier, why } of found) console.error(`${file}: "${specifier}" ${why}`);
  console.log(`layers: ${found.length} breaches`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
