// Task: what piscina's thread runs in the round-trip benchmark.

export function echo(item) {
  return item;
}
