// Bundle: joins the compiled modules of the package into a few files. A thread that serves kernels loads sixty
// modules, and each costs it about a millisecond: more than all the rest of its start.
//
// Files that package.json names, and those that are loaded by their address, keep their places; what several of
// them share goes to `chunks`. So all entries of the package still share one copy of each module. A module
// that asks where it lies is told where it was compiled to, since what it looks for beside it is still there.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type Plugin, rolldown } from "rolldown";
import { parseAst } from "rolldown/parseAst";

/** Modules that export kernels which threads load by their address. */
const LOADED_BY_ADDRESS = ["runtime/broker-kernel.js", "cli/doctor-kernel.js"];

/** `entries`: files that stay where they are, relative to `dist`, a folder of compiled modules. */
export async function bundle(dist: string, entries: readonly string[]): Promise<void> {
  const names = [...new Set([...entries, ...LOADED_BY_ADDRESS])].map((path) => path.slice(0, -3));
  const joined = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, join(dist, `${name}.js`)])),
    platform: "node",
    external: [/^node:/, /^[^./]/],
    plugins: [addresses(dist)],
  });
  const { output } = await joined.generate({
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
  });
  await joined.close();
  for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" }))
    if (file.endsWith(".js")) rmSync(join(dist, file));
  for (const file of output) {
    if (file.type !== "chunk") throw new Error(`bundle: ${file.fileName} is no module`);
    mkdirSync(dirname(join(dist, file.fileName)), { recursive: true });
    writeFileSync(join(dist, file.fileName), file.code);
  }
}

/** `import.meta.url` of a module, wherever it is joined to, as the address that it was compiled to. */
function addresses(dist: string): Plugin {
  const MARK = /__ADDRESS_OF\("([^"]+)"\)/g;
  return {
    name: "addresses",
    transform(code, id) {
      const path = relative(dist, id);
      const mark = `__ADDRESS_OF(${JSON.stringify(path)})`;
      return places(code).reduceRight((changed, { start, end, property }) => {
        if (property !== "url") throw new Error(`bundle: ${path} asks for import.meta.${property}`);
        return changed.slice(0, start) + mark + changed.slice(end);
      }, code);
    },
    renderChunk(code, { fileName }) {
      return code.replaceAll(MARK, (_, path: string) =>
        path === fileName
          ? "import.meta.url"
          : `new URL("${relative(dirname(fileName), path)}", import.meta.url).href`,
      );
    },
  };
}

interface Place {
  readonly start: number;
  readonly end: number;
  readonly property: string;
}

/** Where a module asks `import.meta` for something, in the order of its text. */
function places(code: string): Place[] {
  const found: Place[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { type, object, property, start, end } = node as Partial<Member>;
    if (type === "MemberExpression" && object?.type === "MetaProperty")
      found.push({ start: start!, end: end!, property: property!.name });
    else for (const part of Object.values(node)) visit(part);
  };
  if (code.includes("import.meta")) visit(parseAst(code));
  return found.toSorted((a, b) => a.start - b.start);
}

interface Member {
  readonly type: string;
  readonly object: { readonly type: string };
  readonly property: { readonly name: string };
  readonly start: number;
  readonly end: number;
}
