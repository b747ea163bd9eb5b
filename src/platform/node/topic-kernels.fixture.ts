// Kernels that publish, that hear, and that attack, for tests of topics.

import { type KernelContext, list, message, text, u16, u32, u8 } from "../../message/mod.ts";
import { defineKernel } from "../../runtime/mod.ts";

export const Note = message({ number: u32 }, { name: "Note" });
export const Large = message({ text: text() }, { name: "Large" });
/** Publishes notes numbered `first` and up. */
export const Tell = message(
  { first: u32, count: u32, qos: u32, id: u32, topic: text() },
  { name: "Tell" },
);
export const Ask = message({ number: u32, qos: u32, id: u32, topic: text() }, { name: "Ask" });
export const Said = message({ text: text() }, { name: "Said" });
/** Writes to a broker what only the runtime should. */
export const Attack = message({ how: u32, broker: text() }, { name: "Attack" });

/** As an attacker declares what only the runtime sends: names and layouts are no secret. */
const Publish = message(
  {
    ...{ type: u32, id_low: u32, id_high: u32, topic_bytes: u16, qos: u8, retain: u8 },
    rest: list("u8"),
  },
  { name: "annulus:publish" },
);
const Order = message({ json: text() }, { name: "annulus:topics-order" });
const Taken = message({ stream: u32 }, { name: "annulus:taken" });

/** Words of the memory that a listener shares with its test. */
export const WORDS = {
  /** A number, plus 1, on whose handling its thread ends, once; -1: on each. */
  crashOn: 0,
  /** Not 0: handlers wait. */
  hold: 1,
  /** Handlings that throw. */
  throws: 2,
  started: 16,
  ended: 16 + 4096,
} as const;

export function sharedWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * (WORDS.ended + 4096)));
}

export const listener = defineKernel({
  id: "listener",
  module: import.meta.url,
  start: (data) => data as Int32Array,
  on: [
    Note.do(({ number }, { state: words }: KernelContext<Int32Array>) => {
      Atomics.add(words, WORDS.started + number, 1);
      while (Atomics.load(words, WORDS.hold) !== 0) Atomics.wait(words, WORDS.hold, 1, 50);
      const crashOn = Atomics.load(words, WORDS.crashOn);
      if (crashOn === -1) process.exit(3);
      if (Atomics.compareExchange(words, WORDS.crashOn, number + 1, 0) === number + 1)
        process.exit(3);
      if (Atomics.load(words, WORDS.throws) > 0) {
        Atomics.sub(words, WORDS.throws, 1);
        throw new RangeError("told to");
      }
      Atomics.add(words, WORDS.ended + number, 1);
    }),
  ],
});

export const teller = defineKernel({
  id: "teller",
  module: import.meta.url,
  on: [
    Tell.to(Said, ({ first, count, qos, id, topic }, context) => {
      let status = "";
      for (let number = first; number < first + count; number++)
        status = context.publish(topic, Note, { number }, { qos: qos as 0, id });
      return { text: status };
    }),
    Ask.to(Said, async ({ number, qos, id, topic }, context) => {
      const value = { number };
      const options = { qos: qos as 0, id };
      try {
        const receipt = await context.publishWithReceipt(topic, Note, value, options);
        return { text: JSON.stringify(receipt) };
      } catch (error) {
        return { text: (error as { code: string }).code };
      }
    }),
    Attack.to(Said, ({ how, broker }, context) => {
      const topic = new TextEncoder().encode("secret/plan     "); // With room for no payload.
      const head = { type: Note.id, id_low: 0, id_high: 0, qos: 0, retain: 1 };
      const attacks = [
        // A publication that no check of the kernel's own thread saw.
        () => context.send(broker, Publish, { ...head, topic_bytes: 11, rest: topic }),
        // One whose topic is longer than its bytes.
        () => context.send(broker, Publish, { ...head, topic_bytes: 60_000, rest: topic }),
        () => context.send(broker, Publish, { ...head, qos: 77, topic_bytes: 11, rest: topic }),
        // Orders that are the host's alone.
        () => context.send(broker, Order, { json: '{"order":"forget","key":"listener"}' }),
        () => context.send(broker, Taken, { stream: 1 }),
        // Text that is none.
        () =>
          context.send(broker, Publish, {
            ...{ ...head, topic_bytes: 16 },
            rest: new Uint8Array(64).fill(0xff),
          }),
      ];
      return { text: attacks[how]!() };
    }),
  ],
});
