// Testing: judges kernels. A corpus is drawn from a kernel's manifest and a seed; a reference says what
// should come out; what comes out is compared with what the manifest promises, and written down as a
// certificate. The rest of the harness of kernel authors is here too: budgets and fuzzing.
// The room knows no test runner, no file and no clock: it throws, and its callers catch.

export { assess, type Assessment, type AssessOptions, type TestKernel } from "./assess.ts";
export { type Violation, type WorstCase } from "./assess.ts";
export { unpackBlocks } from "./blocks.ts";
export { type BudgetOptions, checkBudget } from "./budget.ts";
export { type Certificate, certificateOf, certify, type CertifyOptions } from "./certificate.ts";
export { isPromised, passes, printCertificate } from "./certificate.ts";
export { Chance } from "./chance.ts";
export { compareTensors, type CompareOptions, type Comparison } from "./compare.ts";
export { CORE_HINTS } from "./core-hints.ts";
export { type CorpusCase, corpusHash, corpusOf, type CorpusOptions } from "./corpus.ts";
export { type FuzzOptions, type FuzzReport, fuzzKernel } from "./fuzz.ts";
export { blocksHint, type CorpusHints, type HintContext } from "./hints.ts";
export { CASES_DEFAULT, judge, type JudgeOptions, SEED_DEFAULT } from "./judge.ts";
export { readCertificate } from "./read-certificate.ts";
export { type FoundReference, referenceOf } from "./reference-of.ts";
export { describeCase, describeWorst, printUlpReport } from "./report.ts";
export { tensorOf } from "./styles.ts";
export { TestPack, type TestPackSeams } from "./test-pack.ts";
