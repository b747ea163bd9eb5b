// Bytes: hexadecimal and base64, read strictly. A text that has two readings is refused.

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Undefined when `text` is not pairs of hexadecimal digits. Both cases are read. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * Reads standard or URL-safe base64, padded or not. Undefined when it is neither, mixes the two, or
 * has bits left over that are not zero: such text would decode to bytes that encode differently.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/.test(text)) return undefined;
  const bare = text.replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/");
  const padded = bare.padEnd(Math.ceil(bare.length / 4) * 4, "=");
  if (bare.length % 4 === 1 || (text.endsWith("=") && text.length !== padded.length))
    return undefined;
  const bytes = Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
  return toBase64(bytes) === padded ? bytes : undefined;
}
