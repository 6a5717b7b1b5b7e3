"use strict";

/**
 * A rank for each vertex such that edges point down and are short: below its predecessors, near
 * its successors (as in `jetfold.graph.layout`). ``vertices`` come operands before users.
 */
function assignRanks(vertices, edges) {
  const before = new Map(vertices.map((v) => [v, new Set()]));
  const after = new Map(vertices.map((v) => [v, new Set()]));
  for (const { from, to } of edges) {
    before.get(to).add(from);
    after.get(from).add(to);
  }
  const ranks = new Map();
  for (const v of vertices) {
    let rank = 0;
    for (const u of before.get(v)) rank = Math.max(rank, (ranks.get(u) ?? -1) + 1);
    ranks.set(v, rank);
  }
  for (let pass = 0; pass < 4; pass++) {
    for (const v of [...vertices].reverse()) if (after.get(v).size) sink(v, ranks, before, after);
  }
  return ranks;
}

/** Move a vertex to the lowest rank at which the edges to and from it are shortest in all. */
function sink(v, ranks, before, after) {
  let lowest = Infinity;
  for (const user of after.get(v)) lowest = Math.min(lowest, ranks.get(user) - 1);
  let highest = -Infinity;
  const reached = [];
  for (const source of before.get(v)) {
    highest = Math.max(highest, ranks.get(source) + 1);
    let furthest = ranks.get(source);
    for (const user of after.get(source)) {
      if (user !== v) furthest = Math.max(furthest, ranks.get(user));
    }
    reached.push(furthest);
  }
  if (!reached.length) highest = lowest;
  let best = Infinity;
  for (let rank = lowest; rank >= highest; rank--) {
    const length = reached.reduce((sum, other) => sum + Math.max(rank, other), 0) - rank;
    if (length < best) {
      best = length;
      ranks.set(v, rank);
    }
  }
}

/** Vertices with those from which edges lead to them first; a cycle is entered somewhere. */
function topological(vertices, edges) {
  const sources = new Map(vertices.map((v) => [v, []]));
  for (const { from, to } of edges) sources.get(to).push(from);
  const found = new Set();
  const open = new Set();
  const visit = (v) => {
    if (found.has(v) || open.has(v)) return;
    open.add(v);
    for (const u of sources.get(v)) visit(u);
    found.add(v);
  };
  vertices.forEach(visit);
  return [...found];
}
