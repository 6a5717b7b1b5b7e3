"use strict";

const RANK_GAP = 36;
const ALONE = 8;

/**
 * Places for the units and routes for the arrows, by dagre.
 *
 * ``previous`` is an earlier layout: what was in it keeps its order and, as far as possible, its
 * place. Returns {boxes, routes, hints, bounds}: the upper left corners of boxes and pills by key,
 * a list of points for each arrow (straight down from the 1st to the 2nd, across to the 3rd, and
 * so on), and what the next layout may begin with.
 */
function layOut({ units, arrows }, previous) {
  const between = arrows.filter((arrow) => !arrow.pill);
  const graph = new dagre.graphlib.Graph();
  const keys = topological([...units.keys()], between);
  const ranks = assignRanks(keys, between);
  graph.setGraph({
    nodesep: UNIT_GAP,
    edgesep: BEND_GAP,
    ranksep: 2 * RANK_GAP,
    ranker: rankBy(ranks),
  });
  for (const key of keys) {
    const unit = units.get(key);
    graph.setNode(key, { width: unit.blockWidth, height: unit.blockHeight });
  }
  for (const { from, to } of between) graph.setEdge(from, to, {});
  dagre.layout(graph, { customOrder: orderBy(keys, previous?.hints) });
  return settle(graph, units, arrows, ranks, previous);
}

function rankBy(ranks) {
  // dagre's own vertex, from which all others can be reached, comes first.
  return (graph) =>
    graph.nodes().forEach((name) => {
      graph.node(name).rank = ranks.get(name) ?? -1;
    });
}

function orderBy(keys, hints) {
  return (graph, order) => {
    // dagre gives points to edges of two ranks and more, and later asks for those of all edges.
    for (const edge of graph.edges()) graph.edge(edge).points ??= [{ x: 0, y: -1 }];
    const known = hints ? keys.filter((key) => hints.has(key)).length : 0;
    if (2 * known < keys.length) order(graph);
    else orderLikeBefore(graph, hints);
  };
}

/** Corners, routes, hints and bounds out of dagre's result. */
function settle(graph, units, arrows, ranks, previous) {
  const shift = shiftTo(previous, graph);
  const items = itemsOf(graph, units, arrows, ranks, previous?.hints, shift.x);
  straighten([...items.units.values(), ...items.bends.values()].flat());
  const boxes = new Map();
  const hints = new Map();
  const bands = new Map();
  for (const unit of units.values()) {
    const { x } = items.units.get(unit.key);
    hints.set(unit.key, x);
    const left = x - unit.blockWidth / 2;
    const top = graph.node(unit.key).y + shift.y - unit.blockHeight / 2;
    boxes.set(unit.key, { x: left + unit.left, y: top + unit.top });
    for (const pill of unit.pills) {
      const y = top + unit.top - ROW_GAP - pill.height;
      boxes.set(pill.key, { x: left + pill.left, y });
    }
    const band = bands.get(ranks.get(unit.key)) ?? { top: Infinity, bottom: -Infinity };
    band.top = Math.min(band.top, top);
    band.bottom = Math.max(band.bottom, top + unit.blockHeight);
    bands.set(ranks.get(unit.key), band);
  }
  const ways = new Map();
  for (const [key, bends] of items.bends) {
    ways.set(
      key,
      bends.map((bend) => bend.x),
    );
    bends.forEach((bend, i) => hints.set(`${key} ${i}`, bend.x));
    if (bends.length) hints.set(key, bends[bends.length >> 1].x);
  }
  const routes = routeAll(units, arrows, boxes, ways, ranks, bands);
  const bounds = { ...boundsOf(units, boxes), begin: beginOf(units, boxes) };
  return { boxes, routes, hints, corners: cornersOf(units, boxes), bounds };
}

/** What `straighten` moves: the units, and for each edge "from>to" its bends. */
function itemsOf(graph, units, arrows, ranks, hints, shift) {
  const made = new Map();
  for (const unit of units.values()) {
    const x = graph.node(unit.key).x + shift;
    made.set(unit.key, { x, width: unit.blockWidth, rank: ranks.get(unit.key), links: [] });
  }
  const bends = new Map();
  const alone = (edge) => (graph.inEdges(edge.w).length === 1 ? ALONE : 1);
  for (const edge of graph.edges()) {
    const from = made.get(edge.v);
    const to = made.get(edge.w);
    const key = `${edge.v}>${edge.w}`;
    const { points } = graph.edge(edge);
    const between = to.rank - from.rank - 1;
    const xs = points.length === between + 2 ? points.slice(1, -1).map((point) => point.x) : [];
    const own = xs.map((x, i) => ({
      x: x + shift,
      width: 0,
      rank: from.rank + 1 + i,
      bend: true,
      links: [],
    }));
    bends.set(key, own);
    const chain = [from, ...own, to];
    for (let i = 1; i < chain.length; i++) {
      const start = i === 1 ? middleOf(units.get(edge.v)) : 0;
      const end = i === chain.length - 1 ? middleOf(units.get(edge.w)) : 0;
      // A box stands below the only one that it reads: else layers lean to the side of the others.
      const weight = (1 + 2 * Boolean(chain[i - 1].bend) + 2 * Boolean(chain[i].bend)) * alone(edge);
      link(chain[i - 1], chain[i], start, end, weight);
    }
  }
  keepPlaces(made, bends, hints);
  return { units: made, bends };
}

function link(from, to, start, end, weight) {
  from.links.push({ item: to, own: start, other: end, weight });
  to.links.push({ item: from, own: end, other: start, weight });
}

/** What was there before begins where it was, if the order in its rank is still the same. */
function keepPlaces(units, bends, hints) {
  if (!hints) return;
  const rows = [];
  const put = (item, hint) => (rows[item.rank] ??= []).push({ item, hint });
  for (const [key, item] of units) put(item, hints.get(key));
  for (const [key, own] of bends) own.forEach((item, i) => put(item, hints.get(`${key} ${i}`)));
  for (const row of rows) {
    const known = (row ?? [])
      .filter(({ hint }) => hint !== undefined)
      .sort((a, b) => a.item.x - b.item.x);
    const same = known.every(({ hint }, i) => !i || known[i - 1].hint <= hint);
    if (!same) continue;
    // The new ones lie between the same neighbours as before, at their share of the way.
    const fresh = (row ?? []).filter(({ hint }) => hint === undefined);
    for (const { item } of fresh) item.x = moved(item.x, known);
    for (const { item, hint } of known) item.x = hint;
  }
}

/** Where a place goes when known places go to their hints. */
function moved(x, known) {
  const after = known.findIndex(({ item }) => item.x > x);
  const right = known[after];
  const left = after < 0 ? known.at(-1) : known[after - 1];
  if (!left && !right) return x;
  if (!left) return x + right.hint - right.item.x;
  if (!right) return x + left.hint - left.item.x;
  const share = (x - left.item.x) / (right.item.x - left.item.x);
  return left.hint + share * (right.hint - left.hint);
}

/** How far from the middle of its block arrows leave a unit and, on average, enter it. */
function middleOf(unit) {
  return unit.left + unit.front / 2 - unit.blockWidth / 2;
}

/** The shift that leaves most of what was there in its place. */
function shiftTo(previous, graph) {
  const xs = [];
  const ys = [];
  for (const name of graph.nodes()) {
    const old = previous?.corners.get(name);
    if (!old) continue;
    const { x, y, width, height } = graph.node(name);
    xs.push(old.x - (x - width / 2));
    ys.push(old.y - (y - height / 2));
  }
  return { x: median(xs), y: median(ys) };
}

function median(values) {
  if (!values.length) return 0;
  values.sort((a, b) => a - b);
  return values[values.length >> 1];
}

function cornersOf(units, boxes) {
  const corners = new Map();
  for (const unit of units.values()) {
    const { x, y } = boxes.get(unit.key);
    corners.set(unit.key, { x: x - unit.left, y: y - unit.top });
  }
  return corners;
}

/** Where a reader begins: the middle of an input, if there is one. */
function beginOf(units, boxes) {
  const all = [...units.values()];
  const begin = all.find((unit) => unit.node && recordOf(unit.node).kind === "input") ?? all[0];
  return boxes.get(begin.key).x + begin.front / 2;
}

function boundsOf(units, boxes, wanted = () => true) {
  const bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const unit of units.values()) {
    if (!wanted(unit)) continue;
    const { x, y } = boxes.get(unit.key);
    bounds.left = Math.min(bounds.left, x - unit.left);
    bounds.top = Math.min(bounds.top, y - unit.top);
    bounds.right = Math.max(bounds.right, x - unit.left + unit.blockWidth);
    bounds.bottom = Math.max(bounds.bottom, y - unit.top + unit.blockHeight);
  }
  return bounds.left > bounds.right ? null : bounds;
}

// Routes ---------------------------------------------------------------------------------------

function routeAll(units, arrows, boxes, ways, ranks, bands) {
  const routes = new Map();
  const byTarget = new Map();
  for (const arrow of arrows) {
    if (!byTarget.has(arrow.to)) byTarget.set(arrow.to, []);
    byTarget.get(arrow.to).push(arrow);
  }
  for (const [to, entering] of byTarget) {
    const unit = units.get(to);
    const box = boxes.get(to);
    const starts = new Map(entering.map((arrow) => [arrow, startOf(arrow, units, boxes)]));
    const comesFrom = (arrow) => ways.get(`${arrow.from}>${to}`)?.at(-1) ?? starts.get(arrow).x;
    const wanted = (arrow) => (arrow.pill ? starts.get(arrow).x : comesFrom(arrow)) - box.x;
    const sorted = [...entering].sort(
      (a, b) => a.pill - b.pill || wanted(a) - wanted(b) || (a.key < b.key ? -1 : 1),
    );
    const ports = portsOf(sorted, sorted.map(wanted), unit);
    sorted.forEach((arrow, i) => {
      const end = { x: box.x + ports[i], y: box.y };
      const start = starts.get(arrow);
      const route = [start];
      if (arrow.pill) route.push(start);
      else route.push({ x: start.x, y: bands.get(ranks.get(arrow.from)).bottom });
      (ways.get(`${arrow.from}>${to}`) ?? []).forEach((x, bend) => {
        const band = bands.get(ranks.get(arrow.from) + 1 + bend);
        if (band) route.push({ x, y: band.top }, { x, y: band.bottom });
      });
      if (!arrow.pill) route.push({ x: end.x, y: bands.get(ranks.get(to)).top });
      route.push(end);
      routes.set(arrow.key, route);
    });
  }
  return routes;
}

function startOf(arrow, units, boxes) {
  const { x, y } = boxes.get(arrow.from);
  if (arrow.pill) {
    const pill = units.get(arrow.to).pills.find((other) => other.key === arrow.from);
    const sheets = recordOf(pill.node).badges.length ? SHEETS : 0;
    return { x: x + (pill.width - sheets) / 2, y: y + pill.height };
  }
  const unit = units.get(arrow.from);
  return { x: x + unit.front / 2, y: y + unit.height };
}

/** Where arrows enter a box: under where they come from, apart from each other. */
function portsOf(arrows, wanted, unit) {
  const edge = Math.min(CORNER, unit.front / 2);
  const last = unit.front - edge;
  const gap = Math.min(PORT_GAP, (last - edge) / Math.max(arrows.length - 1, 1));
  // Arrows from other units pass the pills on their left.
  const lane = unit.pills.length && unit.lane ? Math.min(unit.lane - PORT_GAP / 2, last) : last;
  const most = arrows.map((arrow) => (arrow.pill ? last : lane));
  const ports = [];
  wanted.forEach((x, i) => {
    const least = i ? ports[i - 1] + gap : edge;
    ports.push(Math.max(Math.min(x, most[i]), least));
  });
  let right = last;
  for (let i = ports.length - 1; i >= 0; i--) {
    ports[i] = Math.min(ports[i], right, most[i]);
    right = ports[i] - gap;
  }
  return ports;
}
