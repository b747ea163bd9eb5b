// Kernels that ask for all the memory there is. The engine reserves gigabytes of addresses for each
// instance, so that some thousands of them use up what a process has.

import { expect, test } from "vitest";
import { stillSandbox, verified } from "../../src/sandbox/kernel.fixture.ts";
import type { Lease } from "../../src/sandbox/mod.ts";

test("a memory that the engine cannot give is KERNEL_LINK, and others go on", async () => {
  const sandbox = await stillSandbox({ limits: { poolInstancesMax: 65_536 } });
  const resource_limits = { max_memory_pages: 65_536, max_epoch_ticks: 10, max_table_elements: 0 };
  const memory = "(memory 40000)";
  const greedy = await sandbox.load(await verified({ memory }, { resource_limits }));
  const modest = await sandbox.load(await verified({}, { id: "modest" }));
  using call = modest.prepare({ inputs: { x: [1] } });
  const leases: Lease[] = [];
  const takeAll = () => {
    for (let i = 0; i < 65_536; i++) leases.push(greedy.lease());
  };
  expect(takeAll).toThrow(
    expect.objectContaining({ code: "KERNEL_LINK", at: 'kernel "test"' }) as Error,
  );
  expect(greedy.counts()).toMatchObject({ lent: leases.length, created: leases.length });
  call.run();
});
