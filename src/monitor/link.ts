// Link: what carries the lines of a monitor, as its two ends see it.

export interface MonitorLink {
  /** Bytes that were written and that the peer has not taken. */
  readonly waiting: number;
  write(text: string): void;
  /** Ends it once what was written is gone, or at once with `now`. Harmless the second time. */
  close(now?: "now"): void;
}
