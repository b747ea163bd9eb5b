// Deep freeze: what was verified cannot be changed afterwards.

/** Freezes `value` and all it holds. For trees of plain objects and arrays. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
