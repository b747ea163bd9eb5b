// Event loop: a turn of it, and what comes again and again, as the rooms that know no timers want them.

/** Until the event loop has turned. */
export const pause = (): Promise<void> => new Promise((resume) => setImmediate(resume));

/** Acts every so many milliseconds until its answer is called. It keeps no process alive. */
export function every(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms).unref();
  return () => clearInterval(timer);
}
