// Topic options: what launches and brokers of topics may be told, with defaults.

import { checkFilter } from "./topics.ts";
import { unsupported } from "./unsupported.ts";

/** 0: at most once, 1: at least once, 2: once. See docs/ACTORS.md. */
export type Qos = 0 | 1 | 2;

export interface Subscription {
  readonly filter: string;
  /** The best quality that it gets. */
  readonly qos: Qos;
}

/** A filter, or a filter with its quality. */
export type SubscriptionOption = string | { readonly filter: string; readonly qos?: Qos };

/** What a launch says about topics. */
interface TopicOptions {
  readonly publishes?: readonly string[];
  readonly subscribes?: readonly SubscriptionOption[];
}

/** Fails with TOPIC_INVALID or OPTION_UNSUPPORTED. */
export function resolveTopics({ publishes = [], subscribes = [] }: TopicOptions): {
  readonly publishes: readonly string[];
  readonly subscribes: readonly Subscription[];
} {
  for (const filter of publishes) checkFilter(filter);
  const each = subscribes.map((one) => (typeof one === "string" ? { filter: one } : one));
  return { publishes, subscribes: each.map((one) => resolveSubscription(one.filter, one.qos)) };
}

/** Fails with TOPIC_INVALID or OPTION_UNSUPPORTED. */
export function resolveSubscription(filter: string, qos: number = 1): Subscription {
  checkFilter(filter);
  return { filter, qos: checkQos(qos) };
}

export interface BrokerLimits {
  /** Whose kernels it serves: 0. */
  readonly tenant?: number;
  /** No other kernel is served by the broker's thread, so that none ends it: true. */
  readonly ownThread?: boolean;
  /** Publications that may wait to be looked at: 1024, a power of two. */
  readonly queueCapacity?: number;
  /** Publications of quality 1 and 2 that wait for one subscriber: 1024. One more is dropped for it. */
  readonly queueMax?: number;
  /** Publications of quality 1 that one subscriber has at once: 16. With 1 they never overtake each other. */
  readonly inFlightMax?: number;
  /** How often one is sent, the first time included: 5. */
  readonly attemptsMax?: number;
  /** Before it is sent again, in milliseconds: 10. Each time twice as long. */
  readonly retryMs?: number;
  /** How long one waits for a subscriber, in milliseconds: 30,000. */
  readonly timeoutMs?: number;
  /** Topics of which something is retained: 100. One more forgets the oldest. */
  readonly retainedMax?: number;
  /** Publications whose receipts can be asked for: 1024. One more forgets the oldest. */
  readonly receiptsMax?: number;
  /** Publishers' own numbers that are remembered: 10,000, for `idsTtlMs`: 300,000. */
  readonly idsMax?: number;
  readonly idsTtlMs?: number;
}

export type ResolvedBroker = Required<BrokerLimits>;

const DEFAULTS: ResolvedBroker = {
  tenant: 0,
  ownThread: true,
  queueCapacity: 1024,
  queueMax: 1024,
  inFlightMax: 16,
  attemptsMax: 5,
  retryMs: 10,
  timeoutMs: 30_000,
  retainedMax: 100,
  receiptsMax: 1024,
  idsMax: 10_000,
  idsTtlMs: 300_000,
};

/** Every option with its default. Fails with OPTION_UNSUPPORTED for what cannot be. */
export function resolveBroker(options: BrokerLimits): ResolvedBroker {
  const resolved = { ...DEFAULTS, ...options };
  const { ownThread: _, ...numbers } = resolved;
  for (const [name, value] of Object.entries(numbers))
    checkWhole(name, value, name === "tenant" || name === "retryMs" ? 0 : 1);
  return resolved;
}

/** Fails with OPTION_UNSUPPORTED. */
export function checkQos(qos: number): Qos {
  if (qos === 0 || qos === 1 || qos === 2) return qos;
  throw unsupported("qos", String(qos), "0, 1 or 2");
}

/** Fails with OPTION_UNSUPPORTED. */
export function checkWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw unsupported(name, String(value), `a whole number from ${least} to 2^53 - 1`);
}
