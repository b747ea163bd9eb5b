// Monitor link: a socket as both ends of a monitor see it.

import type { Socket } from "node:net";
import type { MonitorLink } from "../../monitor/mod.ts";

/** How long a watcher may take to say the key, and to read the last line. */
export const PATIENCE_MS = 5000;

export function linkOf(socket: Socket): MonitorLink {
  return {
    get waiting() {
      return socket.writableLength;
    },
    write: (text) => void socket.write(text),
    close: (now) => {
      if (now === "now") socket.destroy();
      else if (!socket.writableEnded) {
        socket.end(() => socket.destroy());
        setTimeout(() => socket.destroy(), PATIENCE_MS).unref();
      }
    },
  };
}
