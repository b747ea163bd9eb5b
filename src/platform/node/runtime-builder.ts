// Runtime builder: the options of a runtime one by one, for who has them from several places.

import type { NodeRuntime, NodeRuntimeOptions } from "./runtime.ts";

export class RuntimeBuilder {
  readonly #options: NodeRuntimeOptions;
  readonly #create: (options: NodeRuntimeOptions) => Promise<NodeRuntime>;

  /** `create` is what `build` ends in. */
  constructor(
    create: (options: NodeRuntimeOptions) => Promise<NodeRuntime>,
    options: NodeRuntimeOptions = {},
  ) {
    this.#create = create;
    this.#options = options;
  }

  backend(backend: NodeRuntimeOptions["backend"] & string): RuntimeBuilder {
    return this.config({ backend });
  }

  /** The device of a backend that has several, from 0. */
  device(device: number): RuntimeBuilder {
    return this.config({ device });
  }

  /** Any options; those given before stay where these say nothing. */
  config(options: NodeRuntimeOptions): RuntimeBuilder {
    return new RuntimeBuilder(this.#create, { ...this.#options, ...options });
  }

  build(): Promise<NodeRuntime> {
    return this.#create(this.#options);
  }
}
