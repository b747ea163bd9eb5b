// Page thread: adds up the pages that are posted to it, and answers every sixty-fourth.

import { parentPort } from "node:worker_threads";

import { sumOf } from "./kernels.ts";

let sum: number | undefined;
let count = 0;
parentPort!.on("message", (said: number | Int32Array) => {
  if (typeof said === "number") sum = said;
  else {
    const isWhole = said[0] === count && sumOf(said) === ((sum! + count) | 0);
    if (!isWhole) throw new Error(`page ${count} is not what was posted`);
    if (++count % 64 === 0) parentPort!.postMessage(count, []);
  }
});
