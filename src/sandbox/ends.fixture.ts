// Ends fixture: a kernel that ends as its input says, in a verified pack.

import { kernelModule, type KernelText, verifiedPack } from "./kernel.fixture.ts";

/** y[0] = x[0] + calls of this instance so far. x[0] decides how it ends; 10 and more are ordinary. */
export const HOW = { code: 1, trap: 2, spin: 3, divide: 4, outside: 5, grow: 6, fill: 7 } as const;

/** `grow` asks for more pages than any grant, `fill` for what is granted: y[0] is what it got. */
const ENDS: KernelText = {
  fields: "(global $calls (mut f32) (f32.const 0))",
  forward: `(local $x f32)
    (local.set $x (f32.load (i32.load (local.get $at))))
    (f32.store (i32.load offset=16 (local.get $at)) (f32.add (local.get $x) (global.get $calls)))
    (global.set $calls (f32.add (global.get $calls) (f32.const 1)))
    (if (f32.eq (local.get $x) (f32.const ${HOW.code})) (then (return (i32.const 3))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.trap})) (then unreachable))
    (if (f32.eq (local.get $x) (f32.const ${HOW.spin})) (then (loop $spin (br $spin))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.divide}))
      (then (drop (i32.div_u (i32.const 1) (i32.const 0)))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.outside}))
      (then (i32.store (i32.const -8) (i32.const 1))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.grow}))
      (then (if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1))
        (then (return (i32.const 4))))))
    (if (f32.eq (local.get $x) (f32.const ${HOW.fill}))
      (then (f32.store (i32.load offset=16 (local.get $at))
        (f32.convert_i32_s (memory.grow (i32.const 1))))))
    (i32.const 0)`,
};

export const ends = await verifiedPack([{ module: await kernelModule(ENDS) }]);
