// Read certificate: a certificate from a file, which may come from anybody. What is returned has the
// shape that the type says; whether it is true only another run can tell.

import { Failure } from "../base/mod.ts";
import { type Json, parseJson } from "../pack/mod.ts";
import { type Certificate, CERTIFICATE_FORMAT } from "./certificate.ts";

/** A check of one value: undefined where it holds, else what was expected. */
type Check = (value: Json | undefined, at: string) => Fault | undefined;

interface Fault {
  readonly at: string;
  readonly expected: string;
}

/** Reads a certificate. Fails with CERTIFICATE_INVALID at the first fault, named by its pointer. */
export function readCertificate(source: Uint8Array | string): Certificate {
  const value = parsed(source);
  const fault = CERTIFICATE(value, "");
  if (fault !== undefined) throw invalid(fault.at, "something else", fault.expected);
  const certificate = value as unknown as Certificate;
  const verdict = verdictOf(certificate);
  if (certificate.verdict !== verdict)
    throw invalid("/verdict", certificate.verdict, `${verdict}, by what the document says itself`);
  return certificate;
}

/** What follows from the numbers: whoever reads the verdict alone is not told another. */
function verdictOf({ errors, violation }: Certificate): Certificate["verdict"] {
  const isKept = typeof errors?.share === "number" && errors.share <= 1;
  const isZero = errors?.share === "-0";
  return violation === null && (isKept || isZero) ? "pass" : "fail";
}

function parsed(source: Uint8Array | string): Json {
  try {
    return parseJson(source);
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    throw invalid(cause.at ?? "", cause.found, cause.expected, cause);
  }
}

const text: Check = (value, at) =>
  typeof value === "string" ? undefined : { at, expected: "a string" };

const bool: Check = (value, at) =>
  typeof value === "boolean" ? undefined : { at, expected: "true or false" };

const count: Check = (value, at) =>
  Number.isSafeInteger(value) && (value as number) >= 0
    ? undefined
    : { at, expected: "a whole number" };

const number: Check = (value, at) =>
  typeof value === "number" ? undefined : { at, expected: "a number" };

const measured: Check = (value, at) =>
  typeof value === "number" || oneOf("NaN", "Infinity", "-Infinity", "-0")(value, at) === undefined
    ? undefined
    : { at, expected: "a number, or NaN, Infinity, -Infinity or -0 as text" };

const hash: Check = (value, at) =>
  typeof value === "string" && /^sha256:[0-9a-f]{64}$/.test(value)
    ? undefined
    : { at, expected: "sha256: and 64 hexadecimal digits" };

const param: Check = (value, at) =>
  [text, bool, number].some((check) => check(value, at) === undefined)
    ? undefined
    : { at, expected: "a number, text or a bool" };

function oneOf(...values: readonly string[]): Check {
  return (value, at) =>
    values.some((each) => each === value)
      ? undefined
      : { at, expected: `one of ${values.join(", ")}` };
}

const orNull =
  (check: Check): Check =>
  (value, at) =>
    value === null ? undefined : check(value, at);

const listOf =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return { at, expected: "a list" };
    return firstFault(value.map((item: Json, i) => check(item, `${at}/${i}`)));
  };

const recordOf =
  (check: Check): Check =>
  (value, at) => {
    if (!isObject(value)) return { at, expected: "an object" };
    return firstFault(Object.entries(value).map(([key, item]) => check(item, `${at}/${key}`)));
  };

/** An object with these keys and no others: a misspelt one would say nothing. */
const object =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    if (!isObject(value)) return { at, expected: "an object" };
    const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== undefined)
      return { at: `${at}/${unknown}`, expected: `no key but ${Object.keys(fields).join(", ")}` };
    const checks = Object.entries(fields);
    return firstFault(checks.map(([key, check]) => check(value[key], `${at}/${key}`)));
  };

function firstFault(faults: readonly (Fault | undefined)[]): Fault | undefined {
  return faults.find((fault) => fault !== undefined);
}

function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> & Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const CERTIFICATE = object({
  format: oneOf(CERTIFICATE_FORMAT),
  verdict: oneOf("pass", "fail"),
  pack: object({ name: text, version: text }),
  kernel: object({ id: text, hash, variant: text, features: listOf(text) }),
  engine: text,
  corpus: object({ seed: count, cases: count, hash }),
  accuracy: recordOf(number),
  cases: object({ compared: count, refused: recordOf(count), skipped: count }),
  numbers: count,
  errors: orNull(
    object({ abs: measured, rel: measured, ulp: measured, row: measured, share: measured }),
  ),
  worst: orNull(
    object({
      case: count,
      drawn: text,
      output: text,
      index: count,
      actual: measured,
      expected: measured,
      dims: recordOf(count),
      params: recordOf(param),
      shapes: recordOf(listOf(count)),
    }),
  ),
  violation: orNull(object({ case: count, found: text, expected: text })),
});

function invalid(at: string, found: string, expected: string, cause?: unknown): Failure {
  const fix = "Make the certificate again with `annulus pack test --certificates`.";
  const facts = { at: at === "" ? "the document" : at, found, expected, fix };
  return new Failure("CERTIFICATE_INVALID", facts, cause === undefined ? {} : { cause });
}
