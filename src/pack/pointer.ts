// Pointer: where in a JSON document something stands, as RFC 6901 writes it.

/** `["kernels", 0, "a/b"]` becomes `/kernels/0/a~1b`; the whole document is the empty string. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}
