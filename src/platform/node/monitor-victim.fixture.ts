// A process with a monitor: `[path] [exit | end]`. It prints where the monitor is, and then stays, exits or
// has nothing left to do.

import { openRuntime } from "./runtime.ts";

const [path = "", how = "stay"] = process.argv.slice(2);
const runtime = await openRuntime({ backend: "null" });
const monitor = await runtime.monitor(path === "" ? {} : { path });
process.stdout.write(`${monitor.path}\n`);
if (how === "exit") process.exit(0);
if (how === "stay") setInterval(() => {}, 1000);
