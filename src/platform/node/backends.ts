// Backends: the names of what may serve kernels.

/** Where kernels run. `worker`: threads of this process. `null`: no thread, in turns of the caller's own. */
export const BACKENDS = ["worker", "null"] as const;

export type BackendName = (typeof BACKENDS)[number];
