// Report: what was measured, for people: how the errors are spread, and where the worst one lies.

import { ULP_BOUNDS, type Comparison } from "./compare.ts";
import type { WorstCase } from "./assess.ts";
import type { CorpusCase } from "./corpus.ts";

const BAR_CHARACTERS = 40;

/** A histogram of errors in ULP, one line per class that is not empty. */
export function printUlpReport({ ulps, counted, worst, ...errors }: Comparison): string {
  const most = Math.max(1, ...ulps);
  const lines = ulps.flatMap((count, i) => {
    if (count === 0) return [];
    const bar = "#".repeat(Math.max(1, Math.round((count / most) * BAR_CHARACTERS)));
    return [`  ${labelOf(i).padStart(16)} ${String(count).padStart(10)}  ${bar}`];
  });
  const { maxAbs, maxRel, maxUlp, maxRow } = errors;
  return [
    `errors in ULP of ${counted} numbers`,
    ...lines,
    `largest: ${shown(maxUlp)} ULP, ${shown(maxAbs)} absolute, ${shown(maxRel)} relative, ${shown(maxRow)} of a row`,
    ...(worst === undefined
      ? []
      : [`worst: number ${worst.index} is ${worst.actual}, expected ${worst.expected}`]),
  ].join("\n");
}

function labelOf(bucket: number): string {
  const bound = ULP_BOUNDS[bucket];
  if (bound === 0) return "exact";
  return bound === undefined ? "further or none" : `up to ${bound}`;
}

/** Where a case was worst, on one line. */
export function describeWorst({ drawn, output, index, actual, expected }: WorstCase): string {
  return `${output}[${index}] is ${actual}, expected ${expected}; ${describeCase(drawn)}`;
}

/** A case as its seed would draw it again. */
export function describeCase({ number, dims, params, inputs }: CorpusCase): string {
  const sizes = Object.entries(dims).map(([name, size]) => `${name} ${size}`);
  const values = Object.entries(params).map(([name, value]) => `${name}=${value}`);
  const styles = Object.entries(inputs).map(([name, { style }]) => `${name}: ${style}`);
  return [`case ${number}`, sizes.join(", "), values.join(", "), styles.join(", ")]
    .filter((part) => part !== "")
    .join("; ");
}

/** Three digits, as much as an error has. */
export function shown(value: number): string {
  return value === 0 || !Number.isFinite(value) ? String(value) : value.toPrecision(3);
}
