// Printed by `npm run generate` from src/layout/descriptor.layout.ts. Do not edit.

/// 40 bytes, little-endian.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// first input tensor: byte offset in linear memory; read only
    pub input_a_offset: u32,
    /// first input tensor: bytes
    pub input_a_size: u32,
    /// every further input, each 16-byte aligned; 0 when there is none
    pub input_b_offset: u32,
    /// further inputs: bytes from the first to the end of the last
    pub input_b_size: u32,
    /// output tensors, each 16-byte aligned; write only
    pub output_offset: u32,
    /// output tensors: bytes
    pub output_size: u32,
    /// working memory: read and write, contents undefined at entry
    pub scratch_offset: u32,
    /// working memory: bytes
    pub scratch_size: u32,
    /// parameter block, laid out from the manifest; read only
    pub params_offset: u32,
    /// parameter block: bytes
    pub params_size: u32,
}
const _: () = assert!(core::mem::size_of::<Descriptor>() == 40);
const _: () = assert!(core::mem::offset_of!(Descriptor, input_a_offset) == 0);
const _: () = assert!(core::mem::offset_of!(Descriptor, input_a_size) == 4);
const _: () = assert!(core::mem::offset_of!(Descriptor, input_b_offset) == 8);
const _: () = assert!(core::mem::offset_of!(Descriptor, input_b_size) == 12);
const _: () = assert!(core::mem::offset_of!(Descriptor, output_offset) == 16);
const _: () = assert!(core::mem::offset_of!(Descriptor, output_size) == 20);
const _: () = assert!(core::mem::offset_of!(Descriptor, scratch_offset) == 24);
const _: () = assert!(core::mem::offset_of!(Descriptor, scratch_size) == 28);
const _: () = assert!(core::mem::offset_of!(Descriptor, params_offset) == 32);
const _: () = assert!(core::mem::offset_of!(Descriptor, params_size) == 36);

/// 16 bytes, little-endian.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KernelInfo {
    /// UTF-8 name: byte offset in linear memory
    pub name_ptr: u32,
    /// UTF-8 name: bytes
    pub name_len: u32,
    /// version, first part
    pub major: u16,
    /// version, second part
    pub minor: u16,
    /// version, third part
    pub patch: u16,
    /// 1 when kernel_backward computes, else 0
    pub supports_backward: u8,
    /// zero
    pub pad: [u8; 1],
}
const _: () = assert!(core::mem::size_of::<KernelInfo>() == 16);
const _: () = assert!(core::mem::offset_of!(KernelInfo, name_ptr) == 0);
const _: () = assert!(core::mem::offset_of!(KernelInfo, name_len) == 4);
const _: () = assert!(core::mem::offset_of!(KernelInfo, major) == 8);
const _: () = assert!(core::mem::offset_of!(KernelInfo, minor) == 10);
const _: () = assert!(core::mem::offset_of!(KernelInfo, patch) == 12);
const _: () = assert!(core::mem::offset_of!(KernelInfo, supports_backward) == 14);
const _: () = assert!(core::mem::offset_of!(KernelInfo, pad) == 15);

/// Return code: the output is complete.
pub const OK: i32 = 0;
/// Return code: an input tensor does not fit the kernel.
pub const INVALID_INPUT: i32 = 1;
/// Return code: the output region does not fit the result.
pub const INVALID_OUTPUT: i32 = 2;
/// Return code: a parameter is outside what the kernel accepts.
pub const INVALID_PARAMS: i32 = 3;
/// Return code: the scratch region is too small.
pub const OUT_OF_MEMORY: i32 = 4;
/// Return code: the kernel lacks what was asked for.
pub const NOT_IMPLEMENTED: i32 = 5;
/// Return code: the kernel failed for a reason of its own.
pub const INTERNAL_ERROR: i32 = 6;
