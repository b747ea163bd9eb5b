// Tensor: tensors in files. Bounded, strict readers and deterministic writers for `.npy` and
// `.safetensors`, and the one correct rounding between f32 and its two halves.
//
// The room takes bytes and returns views of them; it opens no file itself. Every reader treats its
// bytes as an attack: whatever they hold, the answer is a tensor or a Failure with an offset.
// Absent on purpose: pickles, compressed archives, big-endian data, structured types.

export {
  bf16ArrayToF32,
  bf16ToF32,
  f16ArrayToF32,
  f16ToF32,
  f32ArrayToBf16,
  f32ArrayToF16,
  f32ToBf16,
  f32ToF16,
} from "./half.ts";
export { isNpy, type NpyOptions, readNpy, writeNpy } from "./npy.ts";
export {
  openSafetensors,
  type SafetensorsFile,
  type SafetensorsOptions,
  writeSafetensors,
} from "./safetensors.ts";
export { openSafetensorsParts, type Parts, SafetensorsParts } from "./safetensors-parts.ts";
export type { SafetensorsEntry } from "./safetensors-header.ts";
export { FILE_DTYPES, type FileDType, type Tensor } from "./tensor.ts";
