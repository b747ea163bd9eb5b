// Sample manifest: the draft that the format's first description gives as its example. Its hash and
// key are placeholders, and its fallback names a reference of the host.

export const SAMPLE = {
  $schema: "https://ruvllm.dev/schemas/kernel-pack-v1.json",
  version: "1.0.0",
  name: "test-kernels",
  description: "Test kernel pack",
  min_runtime_version: "0.5.0",
  max_runtime_version: "1.0.0",
  created_at: "2026-01-18T00:00:00Z",
  author: { name: "Test Author", email: "test@example.com", signing_key: "ed25519:AAAA..." },
  kernels: [
    {
      id: "rope_f32",
      name: "Rotary Position Embedding (FP32)",
      category: "positional_encoding",
      path: "rope/rope_f32.wasm",
      hash: "sha256:abc123",
      entry_point: "rope_forward",
      inputs: [
        { name: "x", dtype: "f32", shape: ["batch", "seq", "heads", "dim"] },
        { name: "freqs", dtype: "f32", shape: ["seq", 64] },
      ],
      outputs: [{ name: "y", dtype: "f32", shape: ["batch", "seq", "heads", "dim"] }],
      params: { theta: { type: "f32", default: 10000.0 } },
      resource_limits: {
        max_memory_pages: 256,
        max_epoch_ticks: 1000,
        max_table_elements: 1024,
      },
      platforms: { wasmtime: { min_version: "15.0.0", features: ["simd", "bulk-memory"] } },
      benchmarks: { seq_512_dim_128: { latency_us: 45, throughput_gflops: 2.1 } },
    },
  ],
  fallbacks: { rope_f32: "rope_reference" },
};

type Path = readonly (string | number)[];

/** The sample as text, with the value at each path replaced; undefined removes the key. */
export function sampleWith(...changes: readonly (readonly [path: Path, value: unknown])[]): string {
  const copy: unknown = structuredClone(SAMPLE);
  for (const [path, value] of changes) {
    const parent = path.slice(0, -1).reduce((at, key) => (at as never)[key], copy);
    (parent as Record<string | number, unknown>)[path.at(-1)!] = value;
  }
  return JSON.stringify(copy);
}
