// Interleavings: runs the ring's real code as several processes over one memory, in every order.
//
// While a process runs, the global Atomics are these: they run one operation for real and stop the
// process before its next. To go on, its code runs again from the start of its phase, and the operations
// that it already did answer as they did. Plain writes of the second run are undone, so plain reads must
// not choose the way. Equal states, memory and answers alike, are explored once.

type Answer = number | string;
/** Runs to its end without reading anything that changes but by Atomics; returns what it saw. */
export type Phase = () => unknown;

interface State {
  readonly memory: Int32Array;
  /** The phase that each process is in. */
  readonly phase: readonly number[];
  readonly answers: readonly (readonly Answer[])[];
  readonly asleep: readonly (number | undefined)[];
  readonly results: readonly (readonly unknown[])[];
}

/** Operations of one phase after which it counts as one that never ends. */
const ENDLESS = 100;

const REAL = globalThis.Atomics;

/**
 * Explores all orders and calls `check` with the results of each end, and `visit` with the memory as it
 * is between any two operations. Returns the states it saw.
 */
export function explore(
  words: Int32Array,
  processes: readonly (readonly Phase[])[],
  check: (results: readonly (readonly unknown[])[]) => void,
  visit?: () => void,
): number {
  const none = processes.map(() => []);
  const zero = processes.map(() => 0);
  const asleep = processes.map(() => undefined);
  const stack: State[] = [
    { memory: words.slice(), phase: zero, answers: none, asleep, results: none },
  ];
  const seen = new Set<string>([keyOf(stack[0]!)]);
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    const left = processes.map((_, i) => i).filter((i) => state.phase[i]! < processes[i]!.length);
    const able = left.filter((i) => state.asleep[i] === undefined);
    if (left.length > 0 && able.length === 0) throw new Error("asleep for ever: a missed wake-up");
    if (visit !== undefined) {
      words.set(state.memory);
      visit();
    }
    if (left.length === 0) {
      words.set(state.memory);
      check(state.results);
    }
    for (const i of able) {
      const next = step(words, state, i, processes[i]![state.phase[i]!]!);
      const key = keyOf(next);
      if (seen.has(key)) continue;
      seen.add(key);
      stack.push(next);
    }
  }
  return seen.size;
}

function step(words: Int32Array, state: State, process: number, phase: Phase): State {
  const answers = state.answers.map((list) => [...list]);
  const asleep = [...state.asleep];
  const known = answers[process]!.length;
  let turn = 0;
  let paused = false;
  const once = (operation: () => Answer | undefined): Answer => {
    if (turn < known) return answers[process]![turn++]!;
    if (turn > known) paused = true;
    if (paused) throw new Error("paused");
    if (known > ENDLESS) throw new Error("a process goes round for ever");
    words.set(state.memory); // What the code wrote on its way here is written already.
    const answer = operation();
    turn++;
    if (answer === undefined) {
      paused = true;
      throw new Error("asleep");
    }
    answers[process]!.push(answer);
    return answer;
  };
  const sleep = (at: number, value: number): Answer | undefined => {
    if (words[at] !== value) return "not-equal";
    asleep[process] = at;
    return undefined;
  };
  const wake = (at: number): number => {
    const woken = asleep.flatMap((bell, i) => (bell === at ? [i] : []));
    for (const i of woken) {
      asleep[i] = undefined;
      answers[i]!.push("ok");
    }
    return woken.length;
  };
  words.set(state.memory);
  const outcome = withAtomics({ once, sleep, wake }, phase, () => paused);
  const next = { memory: words.slice(), phase: state.phase, answers, asleep };
  if (!("result" in outcome)) return { ...next, results: state.results };
  return {
    ...next,
    phase: state.phase.map((at, i) => (i === process ? at + 1 : at)),
    answers: answers.map((list, i) => (i === process ? [] : list)),
    results: state.results.map((list, i) => (i === process ? [...list, outcome.result] : list)),
  };
}

interface Hooks {
  once(operation: () => Answer | undefined): Answer;
  sleep(at: number, value: number): Answer | undefined;
  wake(at: number): number;
}

function withAtomics(hooks: Hooks, phase: Phase, paused: () => boolean): { result?: unknown } {
  globalThis.Atomics = stepwise(hooks);
  try {
    return { result: phase() };
  } catch (error) {
    if (!paused()) throw error;
    return {};
  } finally {
    globalThis.Atomics = REAL;
  }
}

function stepwise({ once, sleep, wake }: Hooks): Atomics {
  const { load, store, add, sub, compareExchange } = REAL;
  const real = { load, store, add, sub, compareExchange } as Record<
    string,
    (...args: never[]) => number
  >;
  const operations = Object.entries(real).map(([name, run]) => [
    name,
    (...args: never[]) => once(() => run(...args)),
  ]);
  return Object.assign(Object.create(REAL) as Atomics, {
    ...Object.fromEntries(operations),
    notify: (_: Int32Array, at: number) => once(() => wake(at)),
    wait: (_: Int32Array, at: number, value: number) => once(() => sleep(at, value)),
  });
}

function keyOf({ memory, phase, answers, asleep, results }: State): string {
  return `${memory.join()}|${phase.join()}|${JSON.stringify([answers, asleep, results])}`;
}
