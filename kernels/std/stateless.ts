// Stateless: the parts of the kernel ABI that a kernel needs which keeps nothing between calls.
//
// A kernel exports them from here. All it knows arrives with each call's descriptor, so there is
// nothing to prepare, nothing to release, and any order of calls is good.

import { NOT_IMPLEMENTED, OK } from "../../generated/abi.as";

export function kernel_init(_params: usize, _bytes: u32): i32 {
  return OK;
}

export function kernel_cleanup(): i32 {
  return OK;
}

/** For kernels without gradients; their `kernel_info` says so with `supports_backward` 0. */
export function kernel_backward(_desc: usize): i32 {
  return NOT_IMPLEMENTED;
}
