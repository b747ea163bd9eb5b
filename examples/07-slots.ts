// Work for another thread in 64-byte slots: published without a lock, run, and awaited. A slot costs some
// 30 ns in a run of many, and a round trip under a microsecond, where a message to a worker takes tens.

import { controlSnapshot, createRing, IDLE, OBSERVABLE_BASE, OPCODES } from "../src/ring.node.ts";
import { Ring, Slot, startExecutor, tenantsOf, ticketsOf } from "../src/ring.node.ts";

const memory = createRing({ slots: 1024, observables: 64, tenants: 2 });
await using executor = await startExecutor(memory, { owner: 1, idle: IDLE.spinThenWait });
const ring = new Ring(memory);
const tickets = ticketsOf(ring);

// Two tenants: each has its own half of the observable words, and reaches no other.
const tenants = tenantsOf(ring);
const ada = tenants.register({ label: "ada", outstandingMax: 100 });
const bob = tenants.register({ label: "bob", quota: 1 });

// One slot, awaited: `held` says that somebody reads its outcome and frees it.
const word = (index: number): number => OBSERVABLE_BASE + index;
const add = Slot.single({ tenant: ada.id, opcode: OPCODES.ATOMIC_ADD.code, args: [40, word(0)] });
console.log(await tickets.outcome(ada.offer(add.words(), 1, { held: true })));

// Three operations in one slot, published and left alone; then wait until nothing is in flight.
const packed = Slot.packed({
  tenant: ada.id,
  ops: [
    { opcode: OPCODES.ATOMIC_ADD.code, args: [1, word(0)] },
    { opcode: OPCODES.ATOMIC_ADD.code, args: [1, word(0)] },
    { opcode: OPCODES.LOAD_U32.code, args: [word(0), 1] },
  ],
});
ada.offer(packed.words());
await ada.quiesce({ timeoutMs: 1000 });
console.log("ada has", controlSnapshot(ring).observables.slice(0, 2));

// What a tenant may not do fails its slot, and nothing else.
const reach = Slot.single({ tenant: bob.id, opcode: OPCODES.STORE_U32.code, args: [7, word(0)] });
for (let i = 0; i < 2; i++)
  console.log("bob:", await tickets.outcome(bob.offer(reach.words(), 1, { held: true })));
const { how } = await executor.stop();
console.log(`the executor ${how}`);
