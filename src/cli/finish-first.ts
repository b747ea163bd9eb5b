// Finish first: lets a short piece of work end before an interrupt (Ctrl-C) ends the process.
//
// Anywhere else an interrupt kills the process on the spot, also in the middle of a kernel, and nothing
// is lost: results are written last. Whoever interrupts twice does not want to wait for that either.

/** Runs `work`; an interrupt meanwhile takes effect when it is done, a second one at once. */
export async function finishFirst<Value>(work: () => Promise<Value>): Promise<Value> {
  let interrupted = false;
  const interrupt = (): void => {
    if (interrupted) die();
    interrupted = true;
  };
  process.on("SIGINT", interrupt);
  try {
    return await work();
  } finally {
    process.off("SIGINT", interrupt);
    if (interrupted) die();
  }
  function die(): void {
    process.off("SIGINT", interrupt);
    process.kill(process.pid, "SIGINT"); // As without us, so that a shell sees why we ended.
  }
}
