// Peer thread: what others' threads run in the actor benchmarks: the kernel `adder`, as each asks for it.

import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

const require = createRequire(new URL("../peers/package.json", import.meta.url));

/** Piscina calls it by its name. */
export function add({ a, b }) {
  return { value: a + b };
}

switch (workerData?.part) {
  case "post":
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- A thread has no origin.
    parentPort.on("message", (values) => parentPort.postMessage(add(values)));
    break;
  case "comlink":
    require("comlink").expose({ add }, require("comlink/dist/umd/node-adapter.js")(parentPort));
    break;
  case "workerpool":
    require("workerpool").worker({ add });
    break;
  default:
}
