"use strict";

const UNIT_GAP = 26;
const BEND_GAP = 14;
const SWEEPS = 16;

/**
 * Move units and bends sideways so that arrows run straight, without changing any order.
 *
 * ``items`` are {x, width, rank, bend, links}: centre, width, and arrows to other items as
 * {item, own, other, weight}, where ``own`` and ``other`` say how far from the centres the arrow
 * begins and ends. Every sweep solves, rank by rank, a least-squares problem with the distances
 * that are needed between neighbours. Where items already are counts, too, so that a small change
 * of the graph is a small change of the picture.
 */
function straighten(items) {
  const rows = [];
  for (const item of items) (rows[item.rank] ??= []).push(item);
  for (const row of rows) row?.sort((a, b) => a.x - b.x);
  const filled = rows.filter((row) => row);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    const last = sweep >= SWEEPS - 4;
    const order = down ? filled : [...filled].reverse();
    for (const row of order) {
      settleRow(row, (link, item) => last || link.item.rank < item.rank === down);
    }
  }
}

function settleRow(row, counts) {
  const wanted = row.map((item) => {
    let weight = 0.05;
    let sum = weight * item.x;
    for (const link of item.links) {
      if (!counts(link, item)) continue;
      weight += link.weight;
      sum += link.weight * (link.item.x + link.other - link.own);
    }
    return { x: sum / weight, weight };
  });
  const offsets = [0];
  for (let i = 1; i < row.length; i++) {
    const gap = row[i].bend && row[i - 1].bend ? BEND_GAP : UNIT_GAP;
    offsets.push(offsets[i - 1] + (row[i - 1].width + row[i].width) / 2 + gap);
  }
  const places = rising(wanted.map(({ x, weight }, i) => ({ x: x - offsets[i], weight })));
  row.forEach((item, i) => (item.x = places[i] + offsets[i]));
}

/** The numbers nearest to the wanted ones (weighted least squares) that never fall. */
function rising(wanted) {
  const pools = [];
  for (const { x, weight } of wanted) {
    pools.push({ sum: x * weight, weight, count: 1 });
    while (pools.length > 1) {
      const [left, right] = pools.slice(-2);
      if (left.sum / left.weight <= right.sum / right.weight) break;
      pools.splice(-2, 2, {
        sum: left.sum + right.sum,
        weight: left.weight + right.weight,
        count: left.count + right.count,
      });
    }
  }
  return pools.flatMap(({ sum, weight, count }) => Array(count).fill(sum / weight));
}
