// my_kernel: y = gain * x / (1 + |x| / limit), row by row. Small values pass as they are, large ones
// approach the limit, and each row has a gain of its own.
// In x f32[rows, width], gain f32[rows]; out y f32[rows, width]. Judge: reference.ts, within 4 ULP.
//
// The inner loop walks two slices of one length, has no call and no branch, and so is computed four
// values at a time without being told how. Nothing here can panic: a slice that is indexed, or divided
// into chunks, would bring the code that prints panics, and its table, into the module.

#![no_std]
#![allow(dead_code)] // Of the ABI and the params, a kernel uses what it needs.

#[path = "generated/abi.rs"]
mod abi;
#[path = "generated/my_kernel.rs"]
mod params;

use abi::{Descriptor, KernelInfo, INVALID_INPUT, INVALID_OUTPUT, INVALID_PARAMS, OK};
use core::slice::{from_raw_parts, from_raw_parts_mut};
use params::{MyKernelParams, MY_KERNEL_PARAMS_BYTES};

/// Whether a region holds exactly this many f32. Two u32 dimensions never overflow 64 bits.
fn holds(bytes: u32, count: u64) -> bool {
    bytes & 3 == 0 && u64::from(bytes >> 2) == count
}

fn limit_row(y: &mut [f32], x: &[f32], gain: f32, inverse: f32) {
    for (y, &x) in y.iter_mut().zip(x) {
        let size = f32::from_bits(x.to_bits() & 0x7fff_ffff); // The magnitude.
        *y = x / (1.0 + size * inverse) * gain;
    }
}

/// # Safety
/// The host passes a descriptor whose regions lie within memory and do not overlap the output.
#[no_mangle]
pub unsafe extern "C" fn my_kernel_forward(desc: &Descriptor) -> i32 {
    if desc.params_size as usize != MY_KERNEL_PARAMS_BYTES {
        return INVALID_PARAMS;
    }
    let params = &*(desc.params_offset as usize as *const MyKernelParams);
    if !(params.limit >= 1.0 && params.limit <= 65504.0) {
        return INVALID_PARAMS; // Nor NaN.
    }

    let (rows, width) = (params.dim_rows, params.dim_width);
    if !holds(desc.input_a_size, u64::from(rows) * u64::from(width)) {
        return INVALID_INPUT;
    }
    if !holds(desc.input_b_size, u64::from(rows)) {
        return INVALID_INPUT;
    }
    if desc.output_size != desc.input_a_size {
        return INVALID_OUTPUT;
    }
    if desc.input_a_size == 0 {
        return OK; // Nothing of the descriptor but its sizes counts.
    }

    let x = desc.input_a_offset as usize as *const f32;
    let gain = desc.input_b_offset as usize as *const f32;
    let y = desc.output_offset as usize as *mut f32;
    let (rows, width) = (rows as usize, width as usize);
    for row in 0..rows {
        let x = from_raw_parts(x.add(row * width), width);
        let y = from_raw_parts_mut(y.add(row * width), width);
        limit_row(y, x, *gain.add(row), 1.0 / params.limit);
    }
    OK
}

/// Once per instance, before its first call. This kernel keeps nothing between calls.
#[no_mangle]
pub extern "C" fn kernel_init(_params: *const u8, _bytes: u32) -> i32 {
    OK
}

#[no_mangle]
pub extern "C" fn kernel_info(info: &mut KernelInfo) -> i32 {
    params::write_info(info)
}

#[no_mangle]
pub extern "C" fn kernel_cleanup() -> i32 {
    OK
}

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn stop(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable() // A trap: the host drops the instance and says where it was.
}
