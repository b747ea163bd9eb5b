import { defineConfig, type TestUserConfig } from "vitest/config";
import { pack } from "./kernels/pack.ts";

/** What the tests of every project, and those that take minutes, have in common. */
export const COMMON: TestUserConfig = {
  exclude: ["**/node_modules/**", "**/*.long.test.ts"], // Those run by `npm run test:long`.
  pool: "forks", // Real processes: workers, memories and tickers of one file never meet another's.
  testTimeout: 60_000,
  expect: { poll: { timeout: 20_000 } }, // What must come in the end comes late on a busy machine.
};

/** The tests of each kernel that has this variant, on the variant. */
function onVariant(name: string) {
  const kernels = pack.kernels.filter(({ variants }) => variants.some(({ id }) => id === name));
  const include = kernels.map(({ id }) => `kernels/${id}/*.test.ts`);
  return { test: { ...COMMON, name, include, env: { KERNEL_VARIANT: name } } };
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...COMMON,
          name: "main",
          include: [
            "src/**/*.test.ts",
            "kernels/**/*.test.ts",
            "tools/**/*.test.ts",
            "bench/**/*.test.ts",
            "test/**/*.test.ts",
          ],
        },
      },
      onVariant("relaxed"),
      onVariant("embedded"),
    ],
  },
});
