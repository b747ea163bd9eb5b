import { expect, test } from "vitest";

import { builtSpecifiers, promisedFiles } from "./build.ts";

test("promisedFiles() lists commands, every condition of every export, and files with effects", () => {
  const manifest = {
    bin: { annulus: "dist/cli/main.js" },
    exports: {
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./package.json": "./package.json",
    },
    sideEffects: ["dist/cli/main.js"],
  };
  expect(promisedFiles(manifest)).toEqual([
    "dist/cli/main.js",
    "./dist/index.d.ts",
    "./dist/index.js",
    "./package.json",
  ]);
});

test("builtSpecifiers() names the built file in every kind of relative import", () => {
  const source = [
    'export { a } from "./a.ts";',
    'import "../b.ts";',
    'export declare const c: import("./deep/c.ts").C;',
    'import { z } from "zod";',
  ];
  expect(builtSpecifiers(source.join("\n")).split("\n")).toEqual([
    'export { a } from "./a.js";',
    'import "../b.js";',
    'export declare const c: import("./deep/c.js").C;',
    'import { z } from "zod";',
  ]);
});
