// Targets: what the fuzzer attacks, with what, and what must hold of every outcome.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { parseManifest, readTar, writeTar } from "../../src/pack/mod.ts";
import { readNpy, openSafetensors } from "../../src/tensor/mod.ts";
import { decode } from "../../src/sandbox/decode.ts";
import { INDEX_PLACES } from "../../src/sandbox/index-attacks.fixture.ts";
import { instrument, type InstrumentOptions } from "../../src/sandbox/mod.ts";
import { functionNames } from "../../src/sandbox/names.ts";
import { bytesOf, readScript } from "../../test/rewriter/wast.ts";
import { mutate, mutateModule } from "./mutate.ts";
import type { Chance } from "./random.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Target {
  readonly name: string;
  readonly corpus: readonly Bytes[];
  readonly mutate: (bytes: Bytes, corpus: readonly Bytes[], chance: Chance) => Bytes;
  /**
   * Uses an input. May throw a Failure, which is an answer; whatever else it throws is a violation,
   * and so is a Failure in `wrong`.
   */
  readonly use: (bytes: Bytes, chance: Chance) => void;
  /** Codes of failures that an input, which was answered with one, does not deserve. */
  readonly wrong?: (bytes: Bytes, code: string) => boolean;
}

export const TARGET_NAMES = [
  "decode",
  "instrument",
  "manifest",
  "tar",
  "npy",
  "safetensors",
] as const;

/** Makes the targets that are asked for; their corpora are read when this is called. */
export function targets(names: readonly string[]): Target[] {
  return names.map((name) => {
    const make = MAKERS[name as keyof typeof MAKERS];
    if (make === undefined) throw new Error(`unknown target "${name}"`);
    return make();
  });
}

const ROOT = resolve(import.meta.dirname, "../..");

const MAKERS: Readonly<Record<(typeof TARGET_NAMES)[number], () => Target>> = {
  decode: () => ({
    name: "decode",
    corpus: modules(),
    mutate: mutateModule,
    use: (bytes) => void functionNames(decode(bytes)),
    wrong: engineTakesIt,
  }),
  instrument: () => ({
    name: "instrument",
    corpus: modules(),
    mutate: mutateModule,
    use: useInstrument,
    wrong: engineTakesIt,
  }),
  manifest: () => ({
    name: "manifest",
    corpus: [read(join("packs", "core", "kernels.json")), ...smallManifests()],
    mutate,
    use: (bytes) => void parseManifest(bytes),
  }),
  tar: () => ({ name: "tar", corpus: archives(), mutate: mutateHeader, use: useTar }),
  npy: () => ({
    name: "npy",
    corpus: tensorFiles(".npy"),
    mutate: mutateHeader,
    use: (bytes) => void readNpy(bytes),
  }),
  safetensors: () => ({
    name: "safetensors",
    corpus: tensorFiles(".safetensors"),
    mutate: mutateHeader,
    use: (bytes) => {
      const file = openSafetensors(bytes);
      for (const name of file.entries.keys()) file.get(name);
    },
  }),
};

/** A module that V8 takes may be beyond us, but it is not malformed. */
function engineTakesIt(bytes: Bytes, code: string): boolean {
  return code === "MODULE_MALFORMED" && WebAssembly.validate(bytes);
}

const MODES: readonly InstrumentOptions[] = (["epoch", "fuel", "none"] as const).flatMap(
  (interrupt) =>
    (["keep", "host"] as const).flatMap((memory) => [
      { interrupt, memory },
      { interrupt, memory, stackBytes: 1 << 16, tableElementsMax: 100_000, memoryPagesMax: 1000 },
    ]),
);

/** What V8 takes must stay valid when rewritten, and what it refuses, invalid. */
function useInstrument(bytes: Bytes, chance: Chance): void {
  const options = chance.pick(MODES);
  const { bytes: ours } = instrument(bytes, options);
  const [before, after] = [WebAssembly.validate(bytes), WebAssembly.validate(ours)];
  if (before === after) return;
  throw new Error(
    `${verdict(before)} before and ${verdict(after)} after, with ${JSON.stringify(options)}`,
  );
}

function useTar(bytes: Bytes): void {
  const files = readTar(bytes);
  const again = readTar(writeTar(files));
  if ([...again.keys()].join("\n") !== [...files.keys()].toSorted().join("\n"))
    throw new Error("an archive that is read and written holds other files");
}

function verdict(isValid: boolean): string {
  return isValid ? "valid" : "invalid";
}

/** Headers decide everything in a file of tensors or an archive, so most edits are made there. */
function mutateHeader(bytes: Bytes, corpus: readonly Bytes[], chance: Chance): Bytes {
  if (chance.once(4)) return mutate(bytes, corpus, chance);
  const header = mutate(bytes.slice(0, 512), corpus, chance, 3);
  const whole = new Uint8Array(header.length + Math.max(0, bytes.length - 512));
  whole.set(header);
  whole.set(bytes.subarray(512), header.length);
  return whole;
}

function text(value: string): Bytes {
  return new TextEncoder().encode(value) as Bytes;
}

let assembled: readonly Bytes[] | undefined;

/** Modules of the rewriter's scripts, one for every place of an index, and the core pack's kernels. */
function modules(): readonly Bytes[] {
  assembled ??= [
    ...scripted(),
    ...INDEX_PLACES.map(({ module, good }) => module(good)),
    ...kernels(),
  ];
  return assembled;
}

function scripted(): Bytes[] {
  const folder = join(ROOT, "test", "rewriter", "wast");
  return readdirSync(folder)
    .toSorted()
    .flatMap((file) => {
      const script = readScript(readFileSync(join(folder, file), "utf8"));
      return script.commands.flatMap((command) => {
        const bytes = command.do === "module" ? bytesOf(script, command.form) : undefined;
        return bytes === undefined ? [] : [bytes];
      });
    });
}

function kernels(): Bytes[] {
  const folder = join("packs", "core");
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".wasm"))
    .toSorted()
    .slice(0, 4)
    .map((file) => read(join(folder, file)));
}

function smallManifests(): Bytes[] {
  const whole = JSON.parse(new TextDecoder().decode(read("packs/core/kernels.json"))) as {
    kernels: unknown[];
  };
  return whole.kernels.slice(0, 5).map((kernel) => {
    return text(JSON.stringify({ ...whole, kernels: [kernel] }));
  });
}

function archives(): Bytes[] {
  return [
    writeTar(new Map([["kernels.json", text("{}")]])),
    writeTar(
      new Map([
        ["kernels.json", text("{}")],
        ["a/b/c.wasm", new Uint8Array(700)],
      ]),
    ),
    writeTar(
      new Map([
        [`${"long/".repeat(30)}name`, text("x")],
        ["empty", text("")],
      ]),
    ),
  ];
}

function tensorFiles(extension: string): Bytes[] {
  const folder = join("src", "tensor", "fixtures");
  return readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith(extension))
    .toSorted()
    .map((file) => read(join(folder, file)));
}

function read(path: string): Bytes {
  return Uint8Array.from(readFileSync(join(ROOT, path)));
}
