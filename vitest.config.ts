import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "src/**/*.test.ts",
      "kernels/**/*.test.ts",
      "tools/**/*.test.ts",
      "bench/**/*.test.ts",
      "test/**/*.test.ts",
    ],
    exclude: ["**/node_modules/**", "**/*.long.test.ts"], // Those run by `npm run test:long`.
    pool: "forks", // Real processes: workers, memories and tickers of one file never meet another's.
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
