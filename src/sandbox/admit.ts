// Admit: the rules that a kernel's module must obey before it is rewritten and compiled.
//
// The module is an attacker's until shown otherwise. It may import nothing but its memory, must
// export the ABI, must stay within the limits of its manifest, and may use only features that the
// manifest declares, so that a gate on features means something. Some features are never admitted:
//
//   memory64, multi-memory   the host owns one 32-bit memory
//   gc                       its objects live in the engine's heap, which no limit here bounds
//   memory.atomic.wait       blocks the caller's thread, where no epoch check runs
//
// The names that the rewriter gives to what it adds are its own, so no module may use them.
//
// All findings are collected into one failure, so that an author fixes them in one go.

import { ASSUMED_FEATURES, Failure, type Feature, type Issue } from "../base/mod.ts";
import { HOST_MODULE } from "./instrument.ts";
import { type Module, typeOfFunction } from "./module.ts";
import { byteAt } from "./reader.ts";
import { type FunctionType, I32 } from "./types.ts";

export interface AdmitRules {
  /** The manifest's name of the forward function. */
  readonly entryPoint: string;
  readonly memoryPagesMax: number;
  readonly tableElementsMax: number;
  readonly globalsMax: number | undefined;
  /** Features that the manifest declares. */
  readonly features: ReadonlySet<string>;
  /** Features that this host denies, declared or not. */
  readonly denied: ReadonlySet<string>;
}

/** The ABI's other name for the forward function. */
export const FORWARD_ALIAS = "kernel_forward";

const NEVER: readonly Feature[] = ["memory64", "multi-memory", "gc"];

/** Functions of Kernel ABI v1 besides the entry point: how many i32 each takes, and if it must exist. */
const ABI: Readonly<Record<string, { readonly params: number; readonly required: boolean }>> = {
  kernel_init: { params: 2, required: true },
  kernel_info: { params: 1, required: true },
  kernel_cleanup: { params: 0, required: true },
  kernel_backward: { params: 1, required: false },
};

/** Refuses, with MODULE_REFUSED and every finding, a module that breaks a rule. */
export function admit(module: Module, kernel: string, rules: AdmitRules): void {
  const issues = [
    ...importIssues(module),
    ...nameIssues(module),
    ...exportIssues(module, rules.entryPoint),
    ...memoryIssues(module, rules.memoryPagesMax),
    ...countIssues(module, rules),
    ...featureIssues(module, rules),
  ];
  const [first] = issues;
  if (first === undefined) return;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  throw new Failure(
    "MODULE_REFUSED",
    { ...first, at: `kernel "${kernel}", ${first.at}`, found: first.found + more },
    { issues, detail: { kernel } },
  );
}

/** The export that is the forward function: the manifest's name wins, then the ABI's. */
export function forwardExport(module: Module, entryPoint: string): string | undefined {
  const isFunction = (wanted: string): boolean =>
    module.exports.some(({ name, kind }) => kind === "function" && name === wanted);
  return [entryPoint, FORWARD_ALIAS].find(isFunction);
}

function importIssues(module: Module): Issue[] {
  return module.imports
    .filter(({ kind }) => kind !== "memory")
    .map(({ module: from, name, kind, at }) => ({
      code: "import-not-allowed",
      at: byteAt(at),
      found: `an import of the ${kind} ${JSON.stringify(`${from}.${name}`)}`,
      expected: "no imports but the kernel's memory",
      fix: "Build the kernel without host functions; a kernel computes and nothing else.",
    }));
}

/** Names by which a module would pose as the host, or its exports as armed entries. */
function nameIssues(module: Module): Issue[] {
  const imports = module.imports.filter((each) => each.module === HOST_MODULE);
  const exports = module.exports.filter(({ name }) => name.startsWith(`${HOST_MODULE}:`));
  return [...imports, ...exports].map(({ name, at }) => ({
    code: "name-reserved",
    at: byteAt(at),
    found: `the reserved name ${JSON.stringify(name)}`,
    expected: `nothing imported from "${HOST_MODULE}" or exported as "${HOST_MODULE}:..."`,
    fix: "Rename it: the sandbox adds its own under these names.",
  }));
}

function exportIssues(module: Module, entryPoint: string): Issue[] {
  const issues: Issue[] = [];
  const forward = forwardExport(module, entryPoint);
  if (forward === undefined) issues.push(missingExport(entryPoint, 1));
  else issues.push(...signatureIssues(module, forward, 1));
  for (const [name, { params, required }] of Object.entries(ABI)) {
    const exists = module.exports.some((each) => each.name === name && each.kind === "function");
    if (exists) issues.push(...signatureIssues(module, name, params));
    else if (required) issues.push(missingExport(name, params));
  }
  return issues;
}

function missingExport(name: string, params: number): Issue {
  return {
    code: "export-missing",
    at: "exports",
    found: `no exported function "${name}"`,
    expected: `${name}${signature(params)}`,
    fix: "Export it: docs/reference/abi.md lists what a kernel must export.",
  };
}

function signatureIssues(module: Module, name: string, params: number): Issue[] {
  const found = module.exports.find((each) => each.name === name && each.kind === "function")!;
  const type = typeOfFunction(module, found.index);
  if (type !== undefined && takesI32s(type, params)) return [];
  return [
    {
      code: "export-signature",
      at: byteAt(found.at),
      found: `${name} with another signature`,
      expected: `${name}${signature(params)}`,
      fix: "Give the function the signature of Kernel ABI v1.",
    },
  ];
}

function takesI32s(type: FunctionType, params: number): boolean {
  const plain = [...type.params, ...type.results].every(({ code }) => code === I32);
  return plain && type.params.length === params && type.results.length === 1;
}

function signature(params: number): string {
  return `(${Array.from({ length: params }, () => "i32").join(", ")}) -> i32`;
}

function memoryIssues(module: Module, pagesMax: number): Issue[] {
  const [memory] = module.memories;
  if (memory === undefined) {
    const fix = "Give the module a memory, even of 0 pages: the host appends the tensors' pages.";
    return [{ code: "memory-missing", at: "memories", found: "no memory", expected: "one", fix }];
  }
  const bytes = module.data.reduce((sum, segment) => sum + segment.bytes, 0);
  const issues: Issue[] = [];
  if (memory.min > pagesMax) {
    issues.push({
      code: "memory-too-large",
      at: byteAt(memory.at),
      found: `a memory of at least ${memory.min} pages`,
      expected: `at most ${pagesMax} pages of 64 KiB, the smaller of manifest and host`,
      fix: "Build the kernel with a smaller initial memory, or raise max_memory_pages.",
    });
  }
  if (bytes > memory.min * 65_536) {
    issues.push({
      code: "data-too-large",
      at: byteAt(module.data[0]!.at),
      found: `${bytes} bytes of data segments`,
      expected: `at most the ${memory.min * 65_536} bytes of the initial memory`,
      fix: "Build the kernel with less static data, or a larger initial memory.",
    });
  }
  return issues;
}

function countIssues(module: Module, rules: AdmitRules): Issue[] {
  const issues: Issue[] = [];
  const [table, second] = module.tables;
  const elements = tableElements(module, rules);
  if (elements > rules.tableElementsMax) {
    issues.push({
      code: "table-too-large",
      at: byteAt(table!.at),
      found: `tables of ${second === undefined ? "at least" : "up to"} ${elements} elements`,
      expected: `at most ${rules.tableElementsMax}`,
      fix: "Give several tables a maximum each, use fewer entries, or raise max_table_elements.",
    });
  }
  if (rules.globalsMax !== undefined && module.globals.length > rules.globalsMax) {
    issues.push({
      code: "globals-too-many",
      at: "globals",
      found: `${module.globals.length} globals`,
      expected: `at most ${rules.globalsMax}`,
      fix: "Build the kernel with fewer globals, or raise max_globals.",
    });
  }
  return issues;
}

/**
 * Elements that the tables may come to hold. A lone table is given the limit as its maximum; several
 * would each get it, so what they may grow to counts together.
 */
function tableElements({ tables }: Module, { tableElementsMax }: AdmitRules): number {
  const [lone, second] = tables;
  if (lone === undefined || second === undefined) return lone?.min ?? 0;
  return tables.reduce((sum, { min, max }) => sum + (max ?? Math.max(min, tableElementsMax)), 0);
}

function featureIssues(module: Module, rules: AdmitRules): Issue[] {
  const issues: Issue[] = [];
  for (const [feature, offset] of module.features) {
    const refusal = refusalOf(feature, rules);
    if (refusal !== undefined)
      issues.push({ ...refusal, at: byteAt(offset), found: `a use of ${feature}` });
  }
  if (module.waitAt !== undefined) {
    issues.push({
      code: "wait-not-admitted",
      at: byteAt(module.waitAt),
      found: "memory.atomic.wait",
      expected: "no instruction that blocks the caller's thread",
      fix: "Build the kernel without waiting: it has no other thread to wait for.",
    });
  }
  return issues;
}

function refusalOf(feature: Feature, rules: AdmitRules): Omit<Issue, "at" | "found"> | undefined {
  const without = `Build the kernel without ${feature}.`;
  if (NEVER.includes(feature)) {
    return {
      code: "feature-not-admitted",
      expected: "features that the sandbox can bound",
      fix: without,
    };
  }
  if (rules.denied.has(feature)) {
    return {
      code: "feature-denied",
      expected: "features that this host allows in its preset and its way of stopping calls",
      fix: without,
    };
  }
  if (rules.features.has(feature) || ASSUMED_FEATURES.has(feature)) return undefined;
  return {
    code: "feature-undeclared",
    expected: "features that the manifest declares",
    fix: `Add "${feature}" to the kernel's platforms.*.features; \`annulus pack build\` does it.`,
  };
}
