// Policy: which native kernels one host lets run outside the sandbox. By default none.
//
//   const bypass = new BypassPolicy({ allow: ["attention"], optedInBy: "--native", onEvent, clock });
//   const meter = bypass.admit({ kind: "attention", name: "attend", reason: "tiles stay in cache" });
//   meter.begin(); native.attend(...); meter.end(flops);
//
// A request passes when its kind is opted into and it meets the rule of its kind. Each decision is one
// event; what runs afterwards is counted and tells nobody, so that it may run often.

import { BYPASS_LIMITS, Failure } from "../base/mod.ts";
import { BypassMeter, type BypassUse } from "./meter.ts";
import { BYPASS_KINDS, type BypassKind, type BypassRequest, ineligible } from "./rules.ts";

export interface BypassOptions {
  /** The kinds that the host opts into. Default: none. */
  readonly allow?: readonly BypassKind[] | undefined;
  /** Who opted in, as the audit names it: a person, a flag, a line of configuration. */
  readonly optedInBy?: string | undefined;
  /** Hashes, as `sha256:` and digits, of the native kernels that the kind "native" may run. */
  readonly trustedNatives?: readonly string[] | undefined;
  /** Milliseconds of a clock that does not go back. */
  readonly clock: () => number;
  /** Told of every decision. A use that cannot be recorded is not admitted. */
  readonly onEvent?: ((event: BypassEvent) => void) | undefined;
}

/** One decision, for a log. */
export interface BypassEvent {
  readonly type: "bypass-admitted" | "bypass-refused";
  /** Milliseconds of the policy's clock. */
  readonly at: number;
  readonly kind: BypassKind;
  readonly name: string;
  readonly reason: string;
  /** Undefined where nobody has opted into anything. */
  readonly optedInBy: string | undefined;
  /** What a refusal said. */
  readonly refusal?: string;
}

export class BypassPolicy {
  readonly #allowed: ReadonlySet<BypassKind>;
  readonly #optedInBy: string | undefined;
  readonly #trusted: ReadonlySet<string>;
  readonly #clock: () => number;
  readonly #onEvent: (event: BypassEvent) => void;
  readonly #meters = new Map<string, BypassMeter>();

  /** Fails with PARAM_INVALID for a kind that does not exist, and for an opt-in that nobody signed. */
  constructor({ allow = [], optedInBy, trustedNatives = [], clock, onEvent }: BypassOptions) {
    for (const kind of allow) if (!BYPASS_KINDS.includes(kind)) throw unknownKind(kind);
    if (allow.length > 0 && !optedInBy) throw anonymous(allow);
    this.#allowed = new Set(allow);
    this.#optedInBy = optedInBy;
    this.#trusted = new Set(trustedNatives);
    this.#clock = clock;
    this.#onEvent = onEvent ?? (() => {});
  }

  /**
   * The meter to run under. Admitting the same kind and name again judges anew and gives the same
   * meter. Fails with BYPASS_REFUSED, which says what to opt into or which rule was not met.
   */
  admit(request: BypassRequest): BypassMeter {
    const refusal = this.#refusal(request);
    const { kind, name, reason } = request;
    const about = { at: this.#clock(), kind, name, reason, optedInBy: this.#optedInBy };
    if (refusal !== undefined) {
      this.#onEvent({ type: "bypass-refused", ...about, refusal: refusal.message });
      throw refusal;
    }
    this.#onEvent({ type: "bypass-admitted", ...about });
    return this.#meterOf(request);
  }

  /** What every meter has counted, in the order in which they were first admitted. */
  uses(): readonly BypassUse[] {
    return [...this.#meters.values()].map((meter) => meter.use());
  }

  #refusal(request: BypassRequest): Failure | undefined {
    const { kind, name, reason } = request;
    if (!this.#allowed.has(kind)) return this.#notOptedIn(request);
    const found = ineligible(request, this.#trusted);
    if (found !== undefined)
      return refused(request, { ...found, fix: "Run it as a kernel in the sandbox." });
    if (name === "" || reason === "")
      return refused(request, {
        found: `the name "${name}" and the reason "${reason}"`,
        expected: "both, for the audit",
        fix: "Say what runs and why the sandbox cannot run it.",
      });
    const isNew = !this.#meters.has(keyOf(request));
    if (!isNew || this.#meters.size < BYPASS_LIMITS.namesMax) return undefined;
    return refused(request, {
      found: `${this.#meters.size} names in use`,
      expected: `at most ${BYPASS_LIMITS.namesMax}`,
      fix: "Name kernels, not their calls.",
    });
  }

  #notOptedIn(request: BypassRequest): Failure {
    const allowed = [...this.#allowed].join(", ");
    return refused(request, {
      found: allowed === "" ? "a policy that allows nothing" : `a policy that allows ${allowed}`,
      expected: `one that allows "${request.kind}"`,
      fix: `Opt in: new BypassPolicy({ allow: ["${request.kind}"], optedInBy, ... }).`,
    });
  }

  #meterOf(request: BypassRequest): BypassMeter {
    const key = keyOf(request);
    let meter = this.#meters.get(key);
    if (meter === undefined) {
      const { kind, name, unit = "flops" } = request;
      this.#meters.set(key, (meter = new BypassMeter({ kind, name, unit }, this.#clock)));
    }
    return meter;
  }
}

function keyOf({ kind, name }: BypassRequest): string {
  return `${kind} ${name}`; // No kind has a space in it.
}

function refused(
  { kind, name }: BypassRequest,
  facts: { readonly found: string; readonly expected: string; readonly fix: string },
): Failure {
  const detail = { kind, name };
  return new Failure("BYPASS_REFUSED", { at: `native "${name}" (${kind})`, ...facts }, { detail });
}

function unknownKind(kind: unknown): Failure {
  return new Failure("PARAM_INVALID", {
    at: "allow",
    found: JSON.stringify(kind),
    expected: `one of ${BYPASS_KINDS.join(", ")}`,
    fix: "Name the kind as it is listed.",
  });
}

function anonymous(allow: readonly BypassKind[]): Failure {
  return new Failure("PARAM_INVALID", {
    at: "optedInBy",
    found: `nobody who allows ${allow.join(", ")}`,
    expected: "who opted in, for the audit",
    fix: 'Name it: optedInBy: "--native" or the like.',
  });
}
