import {
  assert as hold,
  array,
  boolean,
  constantFrom,
  integer,
  property,
  record,
} from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { message, u32, Views } from "../message/mod.ts";
import { Broker, type BrokerOptions } from "./broker.ts";
import type { Refusal } from "./routes.ts";
import type { Qos } from "./topic-options.ts";
import type { Parcel } from "./topic-subscriber.ts";
import { NOTHING, Publication, Publish, readPublication } from "./topic-wire.ts";
import { checkFilter } from "./topics.ts";

const Note = message({ number: u32 }, { name: "Note" });
const OPTIONS: BrokerOptions = {
  ...{ queueMax: 1000, inFlightMax: 4, attemptsMax: 3, retryMs: 1, timeoutMs: 50 },
  ...{ receiptsMax: 1000, retainedMax: 1000, idsMax: 1000, idsTtlMs: 1e6 },
};

/** The bytes of a publication, read as the broker's kernel reads them. */
function published(topic: string, number: number, options: { qos?: Qos; retain?: boolean } = {}) {
  const isNothing = number < 0;
  const publication = isNothing
    ? new Publication(Publish, topic, NOTHING, { retain: true })
    : new Publication(Publish, topic, Note, options);
  const value = { number };
  const bytes = publication.bytesOf(value);
  const views = new Views(new ArrayBuffer(Math.ceil(bytes / 8) * 8 + 64));
  expect(publication.write(views, 64, value)).toBe(bytes);
  expect(Publish.fits(views, 64, bytes)).toBe(true);
  return Publish.view(views, 64);
}

type Fate = "handled" | "failed" | "lost" | "not started" | "waits";

/** Kernels that settle each parcel as `fate` says, and remember what came. */
function world(fate: (kernel: string, number: number) => Fate | Refusal) {
  const came: { kernel: string; number: number; fate: Fate }[] = [];
  let now = 0;
  const broker = new Broker(OPTIONS, {
    nowMs: () => now,
    post(kernel, type, bytes): Parcel | Refusal {
      expect([type.id, bytes.length]).toEqual([Note.id, 4]);
      const number = new Uint32Array(bytes.slice().buffer)[0]!;
      const said = fate(kernel, number);
      if (said === "queue-full" || said === "not-active" || said === "not-found") return said;
      if (said === "tenant-mismatch" || said === "max-hops") return said;
      came.push({ kernel, number, fate: said });
      return { isSettled: said !== "waits", end: () => failureFor(said) };
    },
    arrive: () => true,
    wake: () => {},
  });
  return { broker, came, pass: (ms: number) => (now += ms) };
}

function failureFor(fate: Fate): Failure | undefined {
  if (fate === "handled" || fate === "waits") return undefined;
  const codes = {
    failed: "HANDLER_FAILED",
    lost: "WORKER_LOST",
    "not started": "KERNEL_TERMINATED",
  } as const;
  return new Failure(codes[fate], { found: "a test", expected: "one", fix: "None." });
}

const LEVEL = constantFrom("a", "b");
const TOPIC = array(LEVEL, { minLength: 1, maxLength: 3 }).map((levels) => levels.join("/"));
const FILTER = array(constantFrom("a", "b", "*"), { minLength: 1, maxLength: 3 }).map((levels) =>
  levels.join("/"),
);
const KERNEL = constantFrom("one", "two");

/** The judge of filters: a regular expression. */
function chosen(filter: string, topic: string): boolean {
  checkFilter(filter);
  return new RegExp(`^${filter.replaceAll("*", "[^/]+")}$`).test(topic);
}

const STEP = record({
  what: constantFrom("subscribe", "unsubscribe", "publish", "retain", "clear"),
  ...{ topic: TOPIC, filter: FILTER, kernel: KERNEL },
});

function nameOf({ kernel, number }: { readonly kernel: string; readonly number: number }): string {
  return `${kernel} ${number}`;
}

describe("Broker", () => {
  test("gives each subscriber what a plain list of filters and values says", () => {
    hold(
      property(array(STEP, { maxLength: 60 }), (steps) => {
        const { broker, came } = world(() => "handled");
        const filters = new Map<string, Set<string>>();
        const kept = new Map<string, number>();
        const expected: { kernel: string; number: number }[] = [];
        for (const [number, { what, topic, filter, kernel }] of steps.entries()) {
          const own = filters.get(kernel) ?? new Set();
          if (what === "subscribe") {
            broker.obey({ order: "subscribe", kernel, filter, qos: 1 });
            filters.set(kernel, own.add(filter));
            for (const [name, value] of kept)
              if (chosen(filter, name)) expected.push({ kernel, number: value });
          } else if (what === "unsubscribe") {
            const was = broker.obey({ order: "unsubscribe", kernel, filter });
            expect(was).toBe(own.delete(filter));
          } else if (what === "clear") {
            broker.publish(0, 0, published(topic, -1));
            kept.delete(topic);
          } else {
            const retain = what === "retain";
            const { matched } = broker.publish(0, 0, published(topic, number, { qos: 1, retain }));
            if (retain) kept.set(topic, number);
            const hearing = [...filters].filter(([, names]) =>
              [...names].some((name) => chosen(name, topic)),
            );
            expect(matched).toBe(hearing.length);
            for (const [name] of hearing) expected.push({ kernel: name, number });
          }
          for (let looks = 0; looks < 60; looks++) broker.look();
        }
        expect(came.map(nameOf).toSorted()).toEqual(expected.map(nameOf).toSorted());
      }),
    );
  });

  test("ends every publication in one fate, and repeats only what its quality lets it", () => {
    const FATE = constantFrom<Fate | Refusal>(
      "handled",
      "failed",
      "lost",
      "not started",
      "queue-full",
      "max-hops",
    );
    const SENT = record({ qos: integer({ min: 0, max: 2 }), isSlow: boolean() });
    hold(
      property(array(FATE), array(SENT, { maxLength: 40 }), (fates, sent) => {
        let at = 0;
        const { broker, came, pass } = world(() => fates[at++] ?? "handled");
        broker.obey({ order: "subscribe", kernel: "one", filter: "a", qos: 2 });
        for (const [number, { qos, isSlow }] of sent.entries()) {
          broker.publish(0, 0, published("a", number, { qos: qos as Qos }));
          if (isSlow) pass(20);
          broker.look();
        }
        for (let looks = 0; broker.isWaiting && looks < 1000; looks++, pass(1)) broker.look();
        expect([broker.isWaiting, broker.isOut]).toEqual([false, false]);
        const page = broker.obey({ order: "metrics", from: 0 }) as {
          subscribers: [string, Record<string, number>][];
        };
        const metrics = page.subscribers[0]![1];
        const ends = ["handled", "failed", "dropped", "lost", "expired"];
        expect(metrics["matched"]).toBe(sent.length);
        expect(ends.reduce((sum, end) => sum + metrics[end]!, 0)).toBe(sent.length);
        expect(metrics["lag"]).toBe(0);
        for (const [number, { qos }] of sent.entries()) {
          const tries = came.filter((one) => one.number === number).map(({ fate }) => fate);
          const last = tries.pop();
          // Before its last try, quality 0 had none, 2 none that had started, 1 none that was handled.
          if (qos === 0) expect(tries).toEqual([]);
          if (qos === 2) expect(tries.filter((fate) => fate !== "not started")).toEqual([]);
          expect(tries).not.toContain("handled");
          expect(tries.length).toBeLessThan(3);
          const receipt = broker.obey({ order: "receipt", id: number + 1 }) as Record<
            string,
            number
          >;
          expect(receipt["handled"]).toBe(last === "handled" ? 1 : 0);
          expect(ends.reduce((sum, end) => sum + receipt[end]!, 0)).toBe(1);
        }
      }),
    );
  });

  test("lets one of quality 2 go at a time, and none of 1 beside it", () => {
    const { broker, came } = world(() => "waits");
    broker.obey({ order: "subscribe", kernel: "one", filter: "#", qos: 2 });
    for (const [number, qos] of ([2, 2, 1, 0] as const).entries())
      broker.publish(0, 0, published("a", number, { qos }));
    broker.look();
    expect(came.map(({ number }) => number)).toEqual([0, 3]);
    expect(broker.isOut).toBe(true);
    broker.obey({ order: "forget", key: "one" });
    expect([broker.isOut, broker.isWaiting]).toEqual([false, false]);
  });

  test("gives a kernel that is launched again what is retained, unless that is on its way", () => {
    let fate: Fate = "waits";
    const { broker, came } = world(() => fate);
    const join = (number: number): unknown =>
      broker.obey({
        ...{ order: "join", kernel: "one", number, publishes: ["a"] },
        subscribes: [{ filter: "#", qos: 1 }],
      });
    join(7);
    broker.publish(7, 0, published("a", 1, { qos: 1, retain: true }));
    expect([join(8), came.length]).toEqual([0, 1]);
    expect(broker.publish(7, 0, published("a", 2)).status).toBe("forbidden"); // It is number 8 now.
    broker.obey({ order: "forget", key: "one" });
    fate = "handled";
    expect([join(9), came.length]).toEqual([1, 2]);
  });

  test("shows its subscribers in pages", () => {
    const { broker } = world(() => "handled");
    for (let number = 0; number < 70; number++)
      broker.obey({ order: "subscribe", kernel: `k${number}`, filter: "a", qos: 0 });
    const page = (from: number) =>
      (broker.obey({ order: "metrics", from }) as { subscribers: unknown[] }).subscribers.length;
    expect([page(0), page(64), page(128)]).toEqual([64, 6, 0]);
  });
});

test("readPublication() refuses bytes that are no publication", () => {
  const head = { type: Note.id, id_low: 0, id_high: 0, qos: 0, retain: 0 };
  const read = (topicBytes: number, rest: Uint8Array) =>
    readPublication({ ...head, topic_bytes: topicBytes, rest } as never);
  expect(read(1, new Uint8Array(4).fill(97))).toEqual({ topic: "a", payload: new Uint8Array(0) });
  expect(read(5, new Uint8Array(4))).toBe(undefined); // Longer than what is there.
  expect(read(1, new Uint8Array(4).fill(0xff))).toBe(undefined); // No UTF-8.
});
