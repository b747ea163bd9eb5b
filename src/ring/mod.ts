// Ring: work in flight as 64-byte slots in shared memory. Descriptors publish slots, publishers and
// executors hand them over without locks, and pure code says what every opcode does. It starts no
// thread and reads no clock.

export { checkSlotWords, slotWords } from "./slot-words.ts";
