// Front door `annulus` on Node: what most programs need. Each room has a door of its own beside it:
// `annulus/pack`, `annulus/sandbox`, `annulus/tensor`.

export { Failure, type FailureCode, FAILURES } from "./base/mod.ts";
export { type LoadOptions, loadPack, parseKeyring, trustKeys, VERSION } from "./pack.node.ts";
export type { TrustPolicy, VerifiedKernel, VerifiedPack } from "./pack.node.ts";
export {
  FallbackChain,
  inspect,
  instrument,
  type Kernel,
  KernelError,
  Lease,
  PreparedCall,
  REFERENCES,
} from "./sandbox.node.ts";
export { type NodeSandboxOptions, PRESETS, Sandbox } from "./sandbox.node.ts";
