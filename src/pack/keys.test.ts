import { expect, test } from "vitest";
import { fromHex, toBase64 } from "./bytes.ts";
import { isCanonicalScalar, pointFault } from "./ed25519-point.ts";
import { failureOf } from "./failure-of.fixture.ts";
import { formatPublicKey, keyId, parsePublicKey } from "./keys.ts";

const HEX = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"; // RFC 8032, test 1.
const RAW = fromHex(HEX)!;
const BASE64 = toBase64(RAW);

test.each([
  HEX,
  HEX.toUpperCase(),
  BASE64,
  BASE64.replace("=", ""),
  BASE64.replaceAll("+", "-").replaceAll("/", "_"),
])("parsePublicKey() reads %j with and without its prefix", (text) => {
  expect(parsePublicKey(text)).toEqual(RAW);
  expect(parsePublicKey(`ed25519:${text}`)).toEqual(RAW);
  expect(parsePublicKey(`${text}\n`)).toEqual(RAW);
});

test("parsePublicKey() reads raw bytes and keeps a copy", () => {
  const given = RAW.slice();
  const key = parsePublicKey(given);
  given.fill(0);
  expect(key).toEqual(RAW);
});

test.each([
  "",
  "ed25519:",
  "ed25519:AAAA...",
  HEX.slice(2),
  `${HEX}00`,
  `rsa:${HEX}`,
  `ed25519:ed25519:${HEX}`,
])("parsePublicKey() refuses %j", (text) =>
  expect(failureOf(() => parsePublicKey(text)).code).toBe("KEY_INVALID"),
);

test("parsePublicKey() refuses raw bytes one too few and one too many", () => {
  expect(failureOf(() => parsePublicKey(new Uint8Array(31))).found).toBe("31 bytes");
  expect(failureOf(() => parsePublicKey(new Uint8Array(33))).found).toBe("33 bytes");
});

test("formatPublicKey() prints what parsePublicKey() reads", () => {
  expect(formatPublicKey(RAW)).toBe(`ed25519:${BASE64}`);
  expect(parsePublicKey(formatPublicKey(RAW))).toEqual(RAW);
});

test("keyId() is 16 digits of the key's SHA-256, whatever form the key has", async () => {
  expect(await keyId(RAW)).toBe("21fe31dfa154a261");
  expect(await keyId(BASE64)).toBe(await keyId(HEX));
});

// The curve itself, written out plainly, judges the table of small-order points.
const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (value: bigint): bigint => ((value % P) + P) % P;
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let rest = exponent, square = mod(base); rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}
const inverse = (value: bigint): bigint => power(value, P - 2n);
const D = mod(-121665n * inverse(121666n));
type Point = readonly [x: bigint, y: bigint];
function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const product = mod(D * x1 * x2 * y1 * y2);
  const x = mod((x1 * y2 + x2 * y1) * inverse(1n + product));
  return [x, mod((y1 * y2 + x1 * x2) * inverse(1n - product))];
}
function xOf(y: bigint): bigint | undefined {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  const root = power(square, (P + 3n) / 8n);
  const candidates = [root, mod(root * power(2n, (P - 1n) / 4n))];
  return candidates.find((x) => mod(x * x) === square);
}
function encode(y: bigint, sign: 0 | 1): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let i = 0, rest = y; i < 32; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
  bytes[31]! |= sign << 7;
  return bytes;
}
const times8 = (point: Point): Point => {
  const double = add(point, point);
  const four = add(double, double);
  return add(four, four);
};

test("pointFault() refuses every point whose order divides 8, and no multiple of the base point", () => {
  // A point of order L times 8 gives the subgroup of order 8: find its generator, then its multiples.
  const eighths = new Set<bigint>();
  for (let y = 2n; eighths.size < 5; y++) {
    const x = xOf(y);
    if (x === undefined) continue;
    const torsion = multiply([x, y], L);
    for (let i = 0, at: Point = [0n, 1n]; i < 8; i++, at = add(at, torsion)) eighths.add(at[1]);
  }
  for (const y of eighths) {
    expect(times8([xOf(y)!, y])).toEqual([0n, 1n]);
    expect(pointFault(encode(y, 0))).toBe("a point of small order");
    expect(pointFault(encode(y, 1))).toBe("a point of small order");
  }
  const base: Point = [xOf(mod(4n * inverse(5n)))!, mod(4n * inverse(5n))];
  for (let i = 0, at = base; i < 20; i++, at = add(at, base)) {
    expect(pointFault(encode(at[1], 0))).toBe(undefined);
  }
});

function multiply(point: Point, scalar: bigint): Point {
  let result: Point = [0n, 1n];
  for (let rest = scalar, doubled = point; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, doubled);
    doubled = add(doubled, doubled);
  }
  return result;
}

test("pointFault() refuses a y that is not below p, on both sides of p", () => {
  expect(pointFault(encode(P - 2n, 0))).toBe(undefined);
  for (let y = P; y < 2n ** 255n; y++) {
    expect(pointFault(encode(y, 0))).toBe("a point that is not in canonical form");
    expect(pointFault(encode(y, 1))).toBe("a point that is not in canonical form");
  }
});

test("isCanonicalScalar() holds the group's order on both sides", () => {
  expect(isCanonicalScalar(encode(L - 1n, 0))).toBe(true);
  expect(isCanonicalScalar(encode(L, 0))).toBe(false);
  expect(isCanonicalScalar(encode(0n, 0))).toBe(true);
  expect(isCanonicalScalar(encode(0n, 1))).toBe(false);
});
