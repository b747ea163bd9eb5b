// Interrupted: why a kernel was stopped, as its own checks leave it in a global before they trap. The
// rewriter writes these numbers into modules, and the trap table reads them back.

export const INTERRUPTED = { none: 0, deadline: 1, stack: 2, fuel: 3 } as const;
export type Interrupted = (typeof INTERRUPTED)[keyof typeof INTERRUPTED];
