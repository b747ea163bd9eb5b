// Annulus source hook: `import "annulus"` finds this repository's sources, wherever it is written. For
// `node --import`, so that what documents show runs without a build.

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const root = new URL("../", import.meta.url);
const { exports } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
};

registerHooks({
  resolve(specifier, context, next) {
    const entry = exports[specifier.replace(/^annulus(?=$|\/)/, ".")];
    if (!/^annulus(?:$|\/)/.test(specifier) || typeof entry !== "object") {
      return next(specifier, context);
    }
    const source = entry.default.replace("./dist/", "src/").replace(/\.js$/, ".ts");
    return { url: new URL(source, root).href, shortCircuit: true };
  },
});
