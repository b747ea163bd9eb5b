// Trap frame: where a kernel stopped, read from the stack text of the error.
//
//   V8             at rope (wasm://wasm/97d8d192:wasm-function[3]:0x1f2)
//   SpiderMonkey   rope@file.js line 1 > WebAssembly.Module:wasm-function[3]:0x1f2
//   JavaScriptCore <?>.wasm-function[rope]@[wasm code]          no offset; [3] without a name section
//
// Names come from the module, so a hostile one can write whatever it likes there: this is for reports
// only. Work is bounded and linear in what is read, and names are cut and cleaned.

export interface TrapFrame {
  readonly functionIndex: number | undefined;
  readonly functionName: string | undefined;
  /** Byte offset in the module that ran, which is the rewritten one. */
  readonly offset: number | undefined;
}

const MARK = "wasm-function[";
const LINES_MAX = 32;
const STACK_CHARACTERS_MAX = 400_000; // A frame may carry a name of 100,000 characters.
const NAME_CHARACTERS_MAX = 200;

/** The innermost WebAssembly frame of `stack`, or undefined when there is none. */
export function innermostFrame(stack: string | undefined): TrapFrame | undefined {
  if (stack === undefined) return undefined;
  const lines = stack.slice(0, STACK_CHARACTERS_MAX).split("\n", LINES_MAX);
  for (const line of lines) {
    const frame = frameOf(line);
    if (frame !== undefined) return frame;
  }
  return undefined;
}

/** Everything before the last mark may be a name; the place behind it is the engine's own. */
function frameOf(line: string): TrapFrame | undefined {
  const at = line.lastIndexOf(MARK);
  if (at < 0) return undefined;
  const inside = line.slice(at + MARK.length, at + MARK.length + 2 * NAME_CHARACTERS_MAX);
  const place = /^(\d{1,10})\](?::0x([0-9a-f]{1,12}))?/.exec(inside);
  if (place !== null) {
    const [, index, offset] = place;
    return {
      functionIndex: Number(index),
      functionName: nameBefore(line.slice(0, Math.min(at, 2 * NAME_CHARACTERS_MAX))),
      offset: offset === undefined ? undefined : Number.parseInt(offset, 16),
    };
  }
  const named = inside.lastIndexOf("]@[wasm code]");
  if (named < 0) return undefined;
  return {
    functionIndex: undefined,
    functionName: clean(inside.slice(0, named)),
    offset: undefined,
  };
}

/** The name in V8's `    at name (wasm://...` or in SpiderMonkey's `name@...`. */
function nameBefore(head: string): string | undefined {
  const v8 = head.startsWith("    at ") ? head.lastIndexOf(" (") : -1;
  if (v8 >= 7) return clean(head.slice(7, v8));
  const spidermonkey = head.startsWith("    at ") ? -1 : head.indexOf("@");
  return spidermonkey > 0 ? clean(head.slice(0, spidermonkey)) : undefined;
}

/** Cuts a name, and replaces what could move a terminal's cursor or hide text. */
export function clean(name: string): string {
  return name.slice(0, NAME_CHARACTERS_MAX).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}
