// The reference: what my_kernel computes, written plainly and in f64. It judges the kernel, so it is
// written first, and not for speed.

import type { Reference, References } from "annulus/testing";

/** y = gain * x / (1 + |x| / limit), row by row. Returns the code that the kernel would: 0 when done. */
export const reference: Reference = ({ inputs, outputs, params, dims }) => {
  const [x, gain, y] = [inputs["x"]!, inputs["gain"]!, outputs["y"]!];
  const limit = Number(params["limit"]);
  const width = dims["width"]!;
  for (let i = 0; i < x.length; i++) {
    const row = Math.floor(i / width);
    y[i] = (x[i]! / (1 + Math.abs(x[i]!) / limit)) * gain[row]!;
  }
  return 0;
};

/** By the kernel's id, for `annulus pack test --references`. */
export const references: References = new Map([["my_kernel", reference]]);
