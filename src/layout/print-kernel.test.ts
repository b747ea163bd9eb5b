import { expect, test } from "vitest";
import { Failure } from "../base/mod.ts";
import { accessorFiles, KERNEL_LANGUAGES, type PrintableKernel } from "./print-kernel.ts";

const KERNEL: PrintableKernel = {
  id: "soft_clip",
  version: "1.20.300-rc.1",
  params: { limit: { type: "f32", default: 1 } },
  inputs: [{ name: "x", shape: ["rows", 4] }],
  outputs: [{ name: "y", shape: ["rows", 4] }],
};

function failureOf(...kernels: PrintableKernel[]): Failure {
  try {
    accessorFiles("rust", kernels, "test");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  return expect.unreachable("printed");
}

test("accessorFiles() gives the ABI and a file per kernel, each with the header, in any language", () => {
  for (const language of KERNEL_LANGUAGES) {
    const files = accessorFiles(language, [KERNEL, { ...KERNEL, id: "other" }], "Printed here.");
    expect([...files.keys()].map((name) => name.replace(/\..*/, ""))).toEqual([
      "abi",
      "soft_clip",
      "other",
    ]);
    for (const text of files.values()) expect(text.split("\n")[0]).toContain("Printed here.");
  }
});

test("accessorFiles() tells kernel_info the id and the three numbers of the version", () => {
  const [as, c, rust] = KERNEL_LANGUAGES.map((language) =>
    [...accessorFiles(language, [KERNEL], "test").values()].at(-1),
  );
  expect(as).toContain("<u32>NAME, 9, 1, 20, 300,");
  expect(as).toContain(`[${[..."soft_clip"].map((letter) => letter.charCodeAt(0)).join(", ")}]`);
  expect(c).toContain('name[] = "soft_clip"');
  expect(c).toContain("sizeof name - 1, 1, 20, 300,");
  expect(rust).toContain("minor: 20,");
});

/** The kernel's own file in each language. */
function printed(gradients: readonly string[] | undefined): readonly string[] {
  const kernel = { ...KERNEL, gradients };
  return KERNEL_LANGUAGES.map((language) =>
    [...accessorFiles(language, [kernel], "test").values()].at(-1)!,
  );
}

test("accessorFiles() tells kernel_info that there are gradients where the manifest lists some", () => {
  const [as, c, rust] = printed(["x"]);
  expect(as).toContain("20, 300, 1);");
  expect(c).toContain("20, 300, 1, {0}};");
  expect(rust).toContain("supports_backward: 1,");
  for (const gradients of [undefined, []])
    for (const text of printed(gradients)) expect(text).toContain("300-rc.1, without gradients.");
});

test("accessorFiles() takes versions up to 16 bits a part and refuses more", () => {
  expect(accessorFiles("c", [{ ...KERNEL, version: "65535.0.65535" }], "test").size).toBe(2);
  for (const version of ["65536.0.0", "0.0.65536", "1.2", "x"])
    expect(failureOf({ ...KERNEL, version })).toMatchObject({ code: "PARAM_INVALID" });
});

test("accessorFiles() refuses ids that make two files of one name, or no Rust type", () => {
  expect(failureOf({ ...KERNEL, id: "abi" })).toMatchObject({
    code: "PARAM_INVALID",
    at: "abi.rs",
  });
  expect(failureOf(KERNEL, KERNEL)).toMatchObject({ code: "PARAM_INVALID", at: "soft_clip.rs" });
  expect(failureOf({ ...KERNEL, id: "3d_sum" })).toMatchObject({ at: "3d_sum" });
});

test("accessorFiles() fails, and says which name, where a manifest's name cannot be printed", () => {
  const params = { head_dim: { type: "u32" }, headDim: { type: "u32" } } as const;
  expect(failureOf({ ...KERNEL, params })).toMatchObject({
    code: "PARAM_INVALID",
    at: "headDim",
    found: '"head_dim", as "head_dim" is spelt',
  });
  expect(failureOf({ ...KERNEL, params: { _: { type: "u32" } } })).toMatchObject({ at: "_" });
});
