// The kernels on real activations: what PyTorch computed inside a trained model is what they compute.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openSafetensors } from "../src/tensor/mod.ts";
import { manifest as rmsnormManifest } from "./rmsnorm_f32/manifest.ts";
import { manifest as ropeManifest } from "./rope_f32/manifest.ts";
import { manifest as swigluManifest } from "./swiglu_f32/manifest.ts";
import { absoluteError, relativeError, TestedKernel } from "./testing.ts";

const FILE = join(import.meta.dirname, "../test/data/tiny-llama/activations.safetensors");
const HIDDEN = 192;
const TOKENS = 106;

const file = openSafetensors(await readFile(FILE));
const rmsnorm = await TestedKernel.compile(rmsnormManifest);
const rope = await TestedKernel.compile(ropeManifest);
const swiglu = await TestedKernel.compile(swigluManifest);

function values(name: string): Float32Array {
  const { data } = file.get(name);
  if (!(data instanceof Float32Array)) throw new TypeError(`${name} is not f32`);
  return data;
}

const recorded = (name: string) => Float64Array.from(values(name));

describe.each([0, 5])("layer %i", (layer) => {
  const of = (name: string) => `layers.${layer}.${name}`;

  test.each(["input_layernorm", "post_attention_layernorm"])("rmsnorm_f32 is its %s", (norm) => {
    const y = rmsnorm.run({
      inputs: { x: values(of(`${norm}.x`)), weight: values(of(`${norm}.weight`)) },
      shapes: { x: [TOKENS, HIDDEN] },
    });
    expect(relativeError(y, recorded(of(`${norm}.y`)))).toBeLessThan(2e-6);
  });

  test.each(["q", "k"])("rope_f32 turns its %s as it does", (part) => {
    const x = values(of(`${part}.x`));
    const y = rope.run({
      inputs: { x, freqs: values("rope.freqs") },
      shapes: { x: file.get(of(`${part}.x`)).shape, freqs: file.get("rope.freqs").shape },
      params: { layout: "half_split" },
    });
    // The model turned by f64 angles; the file has them as f32, which are off by up to 3.8e-6.
    const largest = Math.max(...x.map(Math.abs));
    const error = absoluteError(y, recorded(of(`${part}.rope_half_split`)));
    expect(error).toBeLessThan(5e-6 * largest);
  });

  test("swiglu_f32 is its gated activation", () => {
    const shape = [TOKENS, 512];
    const y = swiglu.run({
      inputs: { gate: values(of("mlp.gate")), up: values(of("mlp.up")) },
      shapes: { gate: shape, up: shape },
    });
    expect(relativeError(y, recorded(of("mlp.swiglu")))).toBeLessThan(2e-6);
  });
});
