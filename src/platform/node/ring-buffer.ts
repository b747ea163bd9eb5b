// Ring buffer: the shared bytes of a ring, whichever way its memory was made.

/** The bytes to attach to. A shared memory of WebAssembly has a SharedArrayBuffer, its type says less. */
export function ringBuffer(memory: SharedArrayBuffer | WebAssembly.Memory): SharedArrayBuffer {
  return (memory instanceof WebAssembly.Memory ? memory.buffer : memory) as SharedArrayBuffer;
}
