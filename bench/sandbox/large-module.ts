// Large module: a real one of ten megabytes, which the project has at hand anyway: Binaryen's own.
//
// The package carries it inside its JavaScript. It is caught on its way to the engine, so that nothing
// here depends on how the package packs it.

/** The bytes of Binaryen compiled to WebAssembly, as its package instantiates them. */
export async function binaryenModule(): Promise<Uint8Array<ArrayBuffer>> {
  const { instantiate } = WebAssembly;
  const caught: Uint8Array<ArrayBuffer>[] = [];
  const catching = (source: BufferSource, imports?: WebAssembly.Imports): unknown => {
    caught.push(copyOf(source));
    return instantiate(source, imports);
  };
  WebAssembly.instantiate = catching as typeof instantiate;
  try {
    await import("binaryen");
  } finally {
    WebAssembly.instantiate = instantiate;
  }
  const [module] = caught;
  if (module === undefined) throw new Error("binaryen instantiated no module that could be caught");
  return module;
}

function copyOf(source: BufferSource): Uint8Array<ArrayBuffer> {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return new Uint8Array(bytes);
}
