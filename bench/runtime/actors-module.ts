// Actors module: a module of as many kernels as one asks for, written for the runtime that is to load it.
//
// A kernel must come from the same copy of the package as the runtime that launches it, and each actor
// needs an id, and so an export, of its own.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { KernelDefinition, Message, Runtime } from "../../src/runtime.node.ts";

export const SOURCE = new URL("../../src/runtime.node.ts", import.meta.url);
/** As users get it: compiled, and with no types to strip. */
export const BUILT = new URL("../../dist/runtime.node.js", import.meta.url);

/** What such a module exports. */
export interface Actors {
  readonly Runtime: { create(options?: { readonly threads?: number }): Promise<Runtime> };
  readonly Add: Message<typeof TWO>;
  readonly kernels: readonly KernelDefinition[];
}

declare const TWO: { readonly a: Of; readonly b: Of };
type Of = (typeof import("../../src/runtime.node.ts"))["f32"];

/** Writes files of `each` kernels and loads them. */
export async function loadActors(
  runtime: URL,
  { count, each }: { readonly count: number; readonly each: number },
): Promise<Actors & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "annulus-bench-"));
  const kernels: KernelDefinition[] = [];
  const remove = (): Promise<void> => rm(folder, { recursive: true });
  for (let first = 0; first < count; first += each) {
    const file = join(folder, `actors-${first}.mjs`);
    await writeFile(file, moduleOf(runtime, first, Math.min(each, count - first)));
    const exports = (await import(pathToFileURL(file).href)) as object;
    kernels.push(...(Object.values(exports) as KernelDefinition[]));
  }
  const { Runtime: opened } = (await import(runtime.href)) as Pick<Actors, "Runtime">;
  const { message, f32 } = (await import(
    runtime.href
  )) as typeof import("../../src/runtime.node.ts");
  const Add = message({ a: f32, b: f32 });
  return { Runtime: opened, Add, kernels, [Symbol.asyncDispose]: remove };
}

function moduleOf(runtime: URL, first: number, count: number): string {
  const one = (_: unknown, i: number): string =>
    `export const actor${i} = defineKernel({ id: "actor-${first + i}", module: import.meta.url, on });`;
  return [
    `import { defineKernel, f32, message } from ${JSON.stringify(runtime.href)};`,
    "const Add = message({ a: f32, b: f32 });",
    "const on = [Add.to(message({ value: f32 }), ({ a, b }) => ({ value: a + b }))];",
    ...Array.from({ length: count }, one),
  ].join("\n");
}
