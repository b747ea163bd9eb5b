// Until interrupted: lets work that an interrupt (Ctrl-C) shall end do so in order: what is half written
// is finished, what is known is told, and only then does the process end by the interrupt.

/**
 * Runs `work` with a signal that the first interrupt aborts. When the work is done after that, the process
 * ends as if nobody had caught the interrupt, so that a shell sees why; a second one ends it at once.
 */
export async function untilInterrupted<Value>(
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const controller = new AbortController();
  const { signal } = controller;
  const interrupt = (): void => {
    if (signal.aborted) die();
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  try {
    return await work(signal);
  } finally {
    process.off("SIGINT", interrupt);
    if (signal.aborted) die();
  }
  function die(): void {
    process.off("SIGINT", interrupt);
    process.kill(process.pid, "SIGINT");
  }
}
