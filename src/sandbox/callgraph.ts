// Call graph: which functions may come to call themselves, directly or through others.
//
// Only these can make the stack grow without bound, so only these are charged for their frames. A
// call through a table or reference may reach any function that is exported, in an element segment
// or named by ref.func; a call to an imported function may come back through any of these. Both are
// edges to one extra node, `elsewhere`, whose edges lead to all of them.

import type { Module } from "./module.ts";

/** One byte per defined function: 1 where it lies on a cycle of calls. Tarjan, without recursion. */
export function recursiveFunctions(module: Module): Uint8Array {
  const { importedFunctions: imported, bodies } = module;
  const elsewhere = bodies.length;
  const reachable = [...module.addressTaken].filter((f) => f >= imported).map((f) => f - imported);
  const edges: (readonly number[])[] = bodies.map(({ callees, callsIndirectly }) => {
    const direct = [...callees].filter((f) => f >= imported).map((f) => f - imported);
    return callsIndirectly || direct.length < callees.size ? [...direct, elsewhere] : direct;
  });
  edges.push(reachable);

  const onCycle = new Uint8Array(bodies.length + 1);
  for (const group of components(edges)) {
    const [only] = group;
    const cyclic = group.length > 1 || edges[only!]!.includes(only!);
    if (cyclic) for (const node of group) onCycle[node] = 1;
  }
  return onCycle.subarray(0, bodies.length);
}

/** Strongly connected components, with an explicit stack: a hostile chain of calls may be long. */
function components(edges: readonly (readonly number[])[]): number[][] {
  const order = new Int32Array(edges.length).fill(-1);
  const low = new Int32Array(edges.length);
  const onStack = new Uint8Array(edges.length);
  const nextEdge = new Int32Array(edges.length);
  const stack: number[] = [];
  const found: number[][] = [];
  let visited = 0;
  for (let root = 0; root < edges.length; root++) {
    if (order[root] !== -1) continue;
    const path = [root];
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
        if (low[node] === order[node]) found.push(popComponent(stack, onStack, node));
      } else if (order[next] === -1) path.push(next);
      else if (onStack[next]) low[node] = Math.min(low[node]!, order[next]!);
    }
  }
  return found;
}

function popComponent(stack: number[], onStack: Uint8Array, root: number): number[] {
  const group: number[] = [];
  for (;;) {
    const node = stack.pop()!;
    onStack[node] = 0;
    group.push(node);
    if (node === root) return group;
  }
}
