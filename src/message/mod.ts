// Message: what travels between kernels. A message is declared once and gives its type, its bytes and views
// that read it in place; the wire form carries it out of the process; clocks stamp it.

export type { DeliveryStatus, KernelContext, PublishOptions, Receipt } from "./context.ts";
export { crc32c } from "./crc32c.ts";
export { array, bool, type Field, f32, f64, i32, list, text, u16, u32, u64, u8 } from "./field.ts";
export { type Scalar, Views } from "./field.ts";
export { createClockMemory, HybridClock, type HybridClockOptions } from "./hlc.ts";
export { type NodeStamp, STAMP_BYTES } from "./hlc.ts";
export { type Fields, type Handler, type InputOf, message, Message } from "./schema.ts";
export { type MessageOptions, type ValueOf, type View } from "./schema.ts";
export { decodeEnvelope, encodeEnvelope, type Envelope } from "./wire.ts";
export type { WireOptions, WirePriority, WireStamp } from "./wire.ts";
export { RawMessage, type Writable } from "./raw.ts";
