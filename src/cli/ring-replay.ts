// annulus ring replay: runs the slots of a log again and says where they end otherwise.
//
// Slots run one after the other, in the order in which they settled. One that yielded midway sees what ran
// in between, if both touch the same words.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Command, Option } from "commander";
import { Failure } from "../base/mod.ts";
import { Replay, REPLAY_TARGETS, type ReplayTarget } from "../executor/mod.ts";
import { FAULT_CODES, OPCODES, SLOT } from "../layout/mod.ts";
import { type LogReader, openRingLog, writeLog } from "../platform/node/mod.ts";
import { decodeRecord, diffLogs, LogRecorder, type LogRecord, mergeLogs } from "../ring/mod.ts";
import { Opcodes } from "../ring/mod.ts";
import type { Io } from "./io.ts";
import { progressOn } from "./progress.ts";
import { differ } from "./ring-diff.ts";
import { verb } from "./verb.ts";

interface ReplayFlags {
  readonly on: ReplayTarget;
  readonly opcodes?: string;
  readonly output?: string;
}

export function ringReplay(ring: Command, io: Io): void {
  const on = new Option("--on <target>", "what runs them").choices(REPLAY_TARGETS);
  const command = ring
    .command("replay")
    .description("Run the slots of a log again and say where one ends otherwise.")
    .argument("<log...>", "a log, or those of all executors of one ring")
    .addOption(on.default("worker", "the worker executor"))
    .option("--opcodes <module>", "a module that exports the `opcodes` that the log uses")
    .option("--output <file>", "also write the replayed slots to a new log")
    .addHelpText("after", HELP);
  verb<ReplayFlags>(command, io, async (paths, flags) => {
    const logs = paths.map((path) => openRingLog(resolve(io.cwd, path)));
    try {
      const slots = await replayAll(logs, flags, io);
      const torn = logs.reduce((sum, log) => sum + log.torn, 0);
      const cut = torn > 0 ? [`${torn} bytes at an end were no whole record`] : [];
      return {
        json: { slots, on: flags.on, differs: false, tornBytes: torn },
        lines: [`${slots} slots on the ${flags.on}, each as recorded`, ...cut],
      };
    } finally {
      for (const log of logs) log[Symbol.dispose]();
    }
  });
}

/** Replays everything and returns the number of slots. Fails with RINGS_DIFFER at the first difference. */
async function replayAll(logs: readonly LogReader[], flags: ReplayFlags, io: Io): Promise<number> {
  const opcodes = await opcodesOf(flags.opcodes, io);
  const { head } = logs[0]!;
  const output = flags.output && writeLog(resolve(io.cwd, flags.output), head, { owner: 1 });
  const ran: LogRecord[] = [];
  const recorder = new LogRecorder(
    1,
    (record) => {
      ran.push(decodeRecord(record, 0));
      if (output) output.write(record);
    },
    1,
  );
  const replay = new Replay(head, { on: flags.on, opcodes, recorder });
  const size = logs.reduce((sum, log) => sum + log.size, 0);
  using progress = progressOn(process.stderr, size, io.now, "slot");
  let [slots, first] = [0, undefined as Failure | undefined];
  for (const record of mergeLogs(logs.map((log) => log.records()))) {
    needOpcodes(record, opcodes);
    progress.step(++slots);
    if (!replay.run(record)) throw waitsForEver(slots, record);
    const difference = diffLogs([record], ran.splice(0));
    if (difference !== undefined) first ??= differ({ ...difference, record: slots });
    if (first !== undefined && !output) break;
  }
  const failure = (output ? output.close().failure : undefined) ?? first;
  if (failure !== undefined) throw failure;
  return slots;
}

async function opcodesOf(path: string | undefined, io: Io): Promise<Opcodes> {
  if (path === undefined) return new Opcodes();
  const { opcodes } = await load(path, io);
  if (opcodes instanceof Opcodes) return opcodes;
  throw invalidModule(path, "no export `opcodes` that is a registry");
}

async function load(path: string, io: Io): Promise<{ readonly opcodes?: unknown }> {
  try {
    return (await import(pathToFileURL(resolve(io.cwd, path)).href)) as { opcodes?: unknown };
  } catch (cause) {
    throw invalidModule(path, (cause as Error).message, cause);
  }
}

function needOpcodes(record: LogRecord, opcodes: Opcodes): void {
  const missing = opcodesIn(record).find((opcode) => opcodes.opcode(opcode) === undefined);
  if (missing === undefined) return;
  throw new Failure("OPCODE_INVALID", {
    at: `record ${record.number}`,
    found: `opcode ${missing}, which is nobody's here`,
    expected: "builtins, and what --opcodes registers",
    fix: "Pass --opcodes with the module that the executor had.",
  });
}

const { MALFORMED_ARGS, QUOTA, UNAUTHORISED, UNKNOWN_OPCODE } = FAULT_CODES;
const OPCODE_AT = SLOT.fields.opcode.at / 4;
const ARGS_AT = SLOT.fields.args.at / 4;

/** The opcodes that a slot had to know, packed ones too, before it ended as it did. */
function opcodesIn({ published, code }: LogRecord): readonly number[] {
  const opcode = published[OPCODE_AT]!;
  if (code === UNAUTHORISED || code === UNKNOWN_OPCODE) return [];
  if (opcode !== OPCODES.PACKED_SLOT.code) return [opcode];
  if (code === QUOTA || code === MALFORMED_ARGS) return [];
  const bytes = new Uint8Array(Uint32Array.from(published.slice(ARGS_AT)).buffer);
  return Array.from({ length: bytes[0]! }, (_, op) => bytes[2 + 2 * op]!);
}

function invalidModule(at: string, found: string, cause?: unknown): Failure {
  const expected = "a module that exports `opcodes`, made with `new Opcodes()` of annulus/ring";
  const fix = "Name the module that the executor was started with.";
  return new Failure("OPCODE_INVALID", { at, found, expected, fix }, { cause });
}

function waitsForEver(record: number, { slot }: LogRecord): Failure {
  return new Failure("RING_LOG_INVALID", {
    at: `record ${record}, slot ${slot}`,
    found: "a fence whose batch the log does not hold wholly",
    expected: "the slots of all executors of the ring",
    fix: "Name the logs of all its executors in one command.",
  });
}

const HELP = `
Each slot runs to its end before the next one, under the mask that its tenant had.

Examples:
  annulus ring replay slots.log
  annulus ring replay one.log two.log --on oracle --opcodes opcodes.ts --output again.log

Exit codes: 0 each slot ended as recorded, 5 one did not, 2 usage or unusable input, 1 the new log
cannot be written.
`;
