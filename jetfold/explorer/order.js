"use strict";

/**
 * Give the vertices of dagre's ranked graph their order in each rank, near where they were.
 *
 * ``hints`` has the centre of each vertex of an earlier layout; what is new goes between its
 * neighbours. Neighbours in a rank are exchanged where that takes away crossings.
 */
function orderLikeBefore(graph, hints) {
  const rows = [];
  for (const name of graph.nodes()) {
    const node = graph.node(name);
    (rows[node.rank] ??= []).push(name);
  }
  const wanted = new Map();
  for (const row of rows)
    for (const name of row) {
      const hint = hintOf(name, graph.node(name), hints);
      if (hint !== undefined) wanted.set(name, hint);
    }
  for (const sweep of [rows, [...rows].reverse()]) {
    for (const row of sweep)
      for (const name of row) {
        if (wanted.has(name)) continue;
        const near = graph.neighbors(name).map((other) => wanted.get(other));
        const known = near.filter((x) => x !== undefined);
        if (known.length) wanted.set(name, known.reduce((a, b) => a + b) / known.length);
      }
  }
  for (const row of rows) row.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
  const place = new Map();
  for (const row of rows) row.forEach((name, i) => place.set(name, i));
  for (let pass = 0; pass < 4 && uncross(graph, rows, place); pass++);
  for (const [name, order] of place) graph.node(name).order = order;
}

/** Bends of a long edge were nowhere before: they lie on the way between its ends. */
function hintOf(name, node, hints) {
  if (!node.edgeObj) return hints.get(name);
  const { v, w } = node.edgeObj;
  const bends = hints.get(`${v}>${w}`);
  const from = hints.get(v);
  const to = hints.get(w);
  if (bends) return bends;
  if (from === undefined || to === undefined) return from ?? to;
  return (from + to) / 2;
}

/** Exchange neighbours in the ranks that cross less the other way round; whether there were any. */
function uncross(graph, rows, place) {
  let changed = false;
  const ends = (name) => [
    (graph.predecessors(name) ?? []).map((other) => place.get(other)),
    (graph.successors(name) ?? []).map((other) => place.get(other)),
  ];
  for (const row of rows) {
    for (let i = 0; i + 1 < row.length; i++) {
      const left = ends(row[i]);
      const right = ends(row[i + 1]);
      const now = crossings(left[0], right[0]) + crossings(left[1], right[1]);
      const then = crossings(right[0], left[0]) + crossings(right[1], left[1]);
      if (then < now) {
        [row[i], row[i + 1]] = [row[i + 1], row[i]];
        place.set(row[i], i).set(row[i + 1], i + 1);
        changed = true;
      }
    }
  }
  return changed;
}

function crossings(left, right) {
  let count = 0;
  for (const a of left) for (const b of right) if (a > b) count += 1;
  return count;
}
