// Tests that take minutes: `npm run test:long`. Each is a `*.long.test.ts` beside its code.

import { defineConfig } from "vitest/config";

import { COMMON } from "./vitest.config.ts";

export default defineConfig({
  test: {
    ...COMMON,
    maxWorkers: 2,
    include: ["{src,kernels,test}/**/*.long.test.ts"],
    exclude: ["**/node_modules/**"],
    passWithNoTests: true,
    testTimeout: 1_800_000,
  },
});
