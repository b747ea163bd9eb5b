// kv_unpack_q4_f16 for hosts without SIMD and with little memory: tensors may begin where its data ends.

export * from "./kernel";
export { __heap_base };
