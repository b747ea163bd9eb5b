// Bridge: the conformance table by every strategy, on a simulated device and virtual time.

import { expect, test } from "vitest";
import type { BridgeWorld } from "./conformance.fixture.ts";
import { BRIDGE_CASES } from "./conformance.fixture.ts";
import { TRANSFORMS } from "./device-kernel.ts";
import { SimulatedDevice, type SimulatedDeviceOptions } from "./simulated-device.ts";
import { STRATEGIES } from "./strategy.ts";
import { VirtualTime } from "./virtual-time.fixture.ts";

function simulatedWorld(
  options: Omit<SimulatedDeviceOptions, "time"> = {},
): BridgeWorld & { memory: SimulatedDevice } {
  const time = new VirtualTime();
  const memory = new SimulatedDevice({ time, ...options });
  return {
    memory,
    time,
    launch: async ({ queues }) => memory.launch(queues, TRANSFORMS.invert),
    lose: () => memory.lose(),
    until: (promise) => time.until(promise),
  };
}

/** Devices that differ in all that a strategy does not need. */
const DEVICES = {
  "signals, pinned memory": {},
  "no signals, no pinned memory, copies of 64 bytes": {
    capabilities: { signals: false, pinnedMemory: false, copyAlignBytes: 64, copyBytesMax: 64 },
  },
} as const satisfies Record<string, Omit<SimulatedDeviceOptions, "time">>;

for (const [device, options] of Object.entries(DEVICES))
  for (const strategy of STRATEGIES)
    test.each(BRIDGE_CASES)(`${strategy}, ${device}: $name`, async ({ run }) => {
      const world = simulatedWorld(options);
      await run(world, strategy);
      expect(world.memory.pinnedBytes).toBe(0);
      if (!world.memory.isLost) expect(world.memory.allocatedBytes).toBe(0);
    });
