// Machine: the class of computer that times belong to. It names no single computer and no user.

import { arch, availableParallelism, cpus, release, totalmem, type } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly os: string;
  readonly node: string;
  readonly v8: string;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${/^\d+\.\d+/.exec(release())?.[0] ?? ""} ${arch()}`, // Vendors sign the rest.
    node: process.versions.node,
    v8: process.versions.v8,
  };
}

/** The folder of results that may be compared with each other: "amd-epyc-2-cores-24-gib-node-24". */
export function machineClass({ cpu, cores, memoryGiB, node }: Machine): string {
  const parts = [cpu, cores, cores === 1 ? "core" : "cores", memoryGiB, "gib", "node"];
  const words = [...parts, node.split(".")[0]].join(" ").toLowerCase();
  return words.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
}
