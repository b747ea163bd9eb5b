// Assert: our own mistakes. A failed assertion is a bug in Annulus, never a caller's error.

/** Stops with an Error that says what should have held. */
export function assert(condition: unknown, shouldHold: string): asserts condition {
  if (!condition)
    throw new Error(`Annulus is broken: ${shouldHold} should hold. Please report this.`);
}
