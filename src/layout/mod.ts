// Layout: every byte that two parties agree on, host and kernel or publisher and executor, written once as
// a table. No offset is typed by hand elsewhere. What turns the tables into other languages is behind `print.ts`.

export {
  DESCRIPTOR,
  KERNEL_CODE_NOTES,
  KERNEL_CODES,
  KERNEL_INFO,
  type KernelCode,
} from "./descriptor.layout.ts";
export { type Field, type FieldKind, fieldsOf, layout, type Layout } from "./layout.ts";
export { PARAM_TYPES, type ParamType, type ParamValue, parseParam } from "./param-value.ts";
export {
  type DimField,
  type KernelDeclaration,
  paramBytes,
  type ParamField,
  paramsLayout,
  type ParamsLayout,
  symbolicDims,
} from "./params.ts";
export { BELLS, CONTROL, CONTROL_WORDS, OBSERVABLE_BASE, RING_HEADER } from "./ring.layout.ts";
export { DEBUG_LOG, DEBUG_RECORD, IO_ENTRY, LANE_CURSORS, TASK_SLOT } from "./ring.layout.ts";
export { ARGS_PER_SLOT, FAULT_CODE_ARG, FAULT_DETAIL_ARG, SLOT } from "./ring.layout.ts";
export { RING_MAGIC, RING_VERSION, SIDE_TABLES, SLOT_WORDS } from "./ring.layout.ts";
export { FAULT_CODES, type FaultCode, PRIORITY, type Priority } from "./ring-codes.ts";
export { SLOT_STATUS, type SlotStatus, PUBLISHABLE, SLOT_FLAGS } from "./ring-codes.ts";
export { type BuiltinOpcode, builtinOf, isCustomOpcode, type Opcode } from "./ring-codes.ts";
export { OPCODE_CLASS, type OpcodeClass, OPCODES, STARVATION_CLAIMS } from "./ring-codes.ts";
export { IO_OP, IO_STATUS, TASK_FLAGS, WINDOW_CLASS, WINDOW_PREFIX_ARGS } from "./ring-codes.ts";
export { debugLogGeometry, laneOf, RING_DEFAULTS, ringGeometry } from "./ring-geometry.ts";
export type { RingGeometry, RingShape } from "./ring-geometry.ts";
export { checkParam, writeParams } from "./write-params.ts";
export { RING_LOG_HEADER, RING_LOG_MAGIC, RING_LOG_RECORD } from "./ring-log.layout.ts";
export { RING_LOG_VERSION, RING_LOG_WRITES } from "./ring-log.layout.ts";
export { CHECKPOINT_HEADER, CHECKPOINT_MAGIC, CHECKPOINT_VERSION } from "./checkpoint.layout.ts";
export { IN_POOL, KERNEL_BLOCK, MESSAGE_ARGS, MESSAGE_FAULTS } from "./message-slot.layout.ts";
export { MESSAGE_OPCODES } from "./message-slot.layout.ts";
export { BRIDGE_QUEUE, BRIDGE_SLOT, BRIDGE_SLOT_ALIGN } from "./bridge.layout.ts";
export { CONTROL_BLOCK, MAX_PAYLOAD_BYTES, MESSAGE_HEADER } from "./actor.layout.ts";
export { MESSAGE_MAGIC, MESSAGE_VERSION, TELEMETRY_BUFFER } from "./actor.layout.ts";
export { PROFILE_FLAGS, PROFILE_HEAD, PROFILE_RECORD } from "./profile.layout.ts";
