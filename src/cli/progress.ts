// Progress: one line on a terminal that says how far a long command has come, and then is gone.

const INTERVAL_MS = 200; // Often enough to be seen moving, too seldom to disturb what is measured.
const ERASE_LINE = "\r\u001b[K";

export interface Progress extends Disposable {
  /** Called often; writes seldom. */
  readonly step: (done: number) => void;
}

/**
 * Progress of `total` steps of `what`, first shown after one interval. Silent where `stream` is no
 * terminal.
 */
export function progressOn(
  stream: { readonly isTTY?: boolean; write(text: string): unknown },
  total: number,
  nowMs: () => number,
  what = "run",
): Progress {
  if (stream.isTTY !== true) return { step: () => {}, [Symbol.dispose]: () => {} };
  let shownAt = nowMs();
  let isShown = false;
  return {
    step: (done) => {
      const now = nowMs();
      if (now - shownAt < INTERVAL_MS) return;
      shownAt = now;
      isShown = true;
      stream.write(`${ERASE_LINE}${what} ${done} of ${total}`);
    },
    [Symbol.dispose]: () => {
      if (isShown) stream.write(ERASE_LINE);
    },
  };
}
