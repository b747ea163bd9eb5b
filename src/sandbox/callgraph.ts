// Call graph: which functions may come to call themselves, directly or through others.
//
// Only these can make the stack grow without bound, so only these are charged for their frames. A
// call through a table or reference may reach any function that is exported, in an element segment
// or named by ref.func; a call to an imported function may come back through any of these. Both are
// edges to one extra node, `elsewhere`, whose edges lead to all of them.

import type { Module } from "./module.ts";

/** One byte per defined function: 1 where it lies on a cycle of calls. */
export function recursiveFunctions(module: Module): Uint8Array {
  const { importedFunctions: imported, bodies } = module;
  const elsewhere = bodies.length;
  const edges: (readonly number[])[] = bodies.map(({ callees, calls, callsIndirectly }) => {
    if (!calls) return NONE;
    const direct = [...callees].filter((f) => f >= imported).map((f) => f - imported);
    return callsIndirectly || direct.length < callees.size ? [...direct, elsewhere] : direct;
  });
  edges.push([...module.addressTaken].filter((f) => f >= imported).map((f) => f - imported));
  return nodesOnCycles(edges).subarray(0, bodies.length);
}

const NONE: readonly number[] = [];

/**
 * One byte per node: 1 where its strongly connected component has a cycle. Tarjan's algorithm, with
 * an explicit stack: a hostile chain of calls may be long.
 */
function nodesOnCycles(edges: readonly (readonly number[])[]): Uint8Array {
  const onCycle = new Uint8Array(edges.length);
  const order = new Int32Array(edges.length).fill(-1);
  const low = new Int32Array(edges.length);
  const onStack = new Uint8Array(edges.length);
  const nextEdge = new Int32Array(edges.length);
  const stack: number[] = []; // Visited nodes whose component is not complete.
  const path: number[] = []; // From the root of the search to the node in hand.
  let visited = 0;
  for (let root = 0; root < edges.length; root++) {
    if (order[root] !== -1) continue;
    path.push(root);
    while (path.length > 0) {
      const node = path.at(-1)!;
      if (order[node] === -1) {
        order[node] = low[node] = visited++;
        stack.push(node);
        onStack[node] = 1;
      }
      const next = edges[node]![nextEdge[node]!++];
      if (next === undefined) {
        path.pop();
        const parent = path.at(-1);
        if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!);
        if (low[node] !== order[node]) continue;
        const isCycle = stack.at(-1) !== node || edges[node]!.includes(node);
        for (let popped = -1; popped !== node;) {
          popped = stack.pop()!;
          onStack[popped] = 0;
          if (isCycle) onCycle[popped] = 1;
        }
      } else if (order[next] === -1) path.push(next);
      else if (onStack[next] === 1) low[node] = Math.min(low[node]!, order[next]!);
    }
  }
  return onCycle;
}
