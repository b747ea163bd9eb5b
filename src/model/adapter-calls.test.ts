// Adapter calls share one kernel's memory: what one failure may have spoilt is put there anew for all.

import { afterAll, expect, test } from "vitest";
import { adapterFiles, tinyLlama } from "../../test/tiny-llama.fixture.ts";
import { kernelModule } from "../sandbox/kernel.fixture.ts";
import { ADAPT, AdapterCalls, openAdapterKernel } from "./adapter-calls.ts";
import { openAdapter } from "./lora.ts";

const model = await tinyLlama();
const broken = await tinyLlama({ [ADAPT]: await kernelModule({ forward: "unreachable" }) });
afterAll(async () => {
  await model.close();
  await broken.close();
});
const low = (await openAdapter(adapterFiles, model.config)).layers[0]!.get("q")!;

/** What a call makes of one row, and whether its kernel failed at it. */
function applied(calls: AdapterCalls) {
  const x = Float32Array.from({ length: low.inputs }, (_, i) => Math.sin(i));
  const values = Float32Array.from({ length: low.outputs }, (_, i) => Math.cos(i));
  const product = { values, offset: 0, stride: low.outputs };
  const call = calls.fill(low, x, product);
  const degraded = calls.run(call, low, x, product);
  calls.drain(call, low, product);
  return { call, degraded, values };
}

test("fill() puts matrices in place again once a failure may have spoilt them", async () => {
  const kernel = await openAdapterKernel(model.sandbox, model.pack);
  using _lease = kernel.lease;
  using calls = new AdapterCalls(kernel, 1);
  const { call, values } = applied(calls);
  call.inputs["a"]!.fill(7 as never);
  expect(applied(calls).values).not.toEqual(values); // They stay in place, so this is seen.
  kernel.spoilt++;
  expect(applied(calls).values).toEqual(values);
});

test("run() computes the same where its kernel traps, and counts what that may have spoilt", async () => {
  const sound = await openAdapterKernel(model.sandbox, model.pack);
  using _sound = sound.lease;
  using judge = new AdapterCalls(sound, 1);
  const kernel = await openAdapterKernel(broken.sandbox, broken.pack);
  using _broken = kernel.lease;
  using calls = new AdapterCalls(kernel, 1);
  const wanted = applied(judge);
  expect(wanted.degraded).toBe(false);
  for (let run = 1; run <= 6; run++) {
    const found = applied(calls);
    expect(found.degraded).toBe(true);
    found.values.forEach((value, i) => expect(value).toBeCloseTo(wanted.values[i]!, 4));
    expect(kernel.spoilt).toBeGreaterThan(0);
  }
  expect(kernel.rests).toBe(true); // It is not tried for ever.
});
