"use strict";

/**
 * What is shown at a place: the graph before its last step and after it, as one.
 *
 * ``nodes`` maps each node of either graph to {id, before, after, sign, about}: its record on each
 * side (undefined where it is not there) and what the step did to it: "added", "removed",
 * "rewired" or "".
 */
function sceneAt(model, place) {
  const after = model.graph(place.c, place.step);
  const before = place.step ? model.graph(place.c, place.step - 1) : after;
  const marks = model.step(place)?.marks ?? {};
  const rewired = new Set(marks.rewired);
  const about = new Set(marks.about);
  const nodes = new Map();
  const put = (id) => {
    const sides = { before: before.nodes.get(id), after: after.nodes.get(id) };
    let sign = "";
    if (!sides.after) sign = "removed";
    else if (!sides.before) sign = "added";
    else if (rewired.has(id)) sign = "rewired";
    nodes.set(id, { id, ...sides, sign, about: about.has(id) });
  };
  for (const id of before.nodes.keys()) put(id);
  for (const id of after.nodes.keys()) if (!nodes.has(id)) put(id);
  return { place, nodes, outputs: { before: before.outputs, after: after.outputs } };
}

/** Parameters and constants are drawn once for each of their users, right above it. */
function isPill(record) {
  return record.leaf && record.kind !== "input";
}

function recordOf(node) {
  return node.after ?? node.before;
}

/** Larger graphs are folded by layer. */
const LARGEST_UNFOLDED = 200;
/** With more layers than this, layers that stay folded are shown in runs of RUN. */
const MOST_LAYERS = 24;
const RUN = 8;

/** Which layers the reader has opened, and what is folded in a scene. */
class Folding {
  constructor() {
    this.opened = new Set();
  }

  /** Something that is different for different foldings of a scene. */
  get signature() {
    return [...this.opened].sort().join(" ");
  }

  open(group) {
    if (group.first === group.last) this.openLayer(group.first);
    else for (let k = group.first; k <= group.last; k++) this.opened.add(`single ${k}`);
  }

  openLayer(layer) {
    this.opened.add(`layer ${layer}`);
  }

  /** For each node that is folded its group {key, first, last, count}; empty for small graphs. */
  groups(scene) {
    const drawn = [...scene.nodes.values()].filter((node) => !isPill(recordOf(node)));
    const found = new Map();
    if (drawn.length <= LARGEST_UNFOLDED) return found;
    const inside = drawn.filter((node) => recordOf(node).kind !== "input");
    const layers = new Map();
    for (const node of inside) {
      const { layer } = recordOf(node);
      const known = layers.get(layer) ?? { layer, nodes: [], changed: false };
      known.nodes.push(node.id);
      known.changed ||= Boolean(node.sign || node.about);
      layers.set(layer, known);
    }
    let group = null;
    let run = "";
    for (const { layer, nodes, changed } of [...layers.values()].sort(byLayer)) {
      const open = changed || this.opened.has(`layer ${layer}`);
      const alone = layers.size <= MOST_LAYERS || this.opened.has(`single ${layer}`);
      const own = alone ? `layer ${layer}` : `run ${Math.floor(layer / RUN)}`;
      // An open layer between two folded ones keeps them apart, or edges would run both ways.
      if (open) run = "";
      else if (own !== run) group = { first: layer, count: 0 };
      if (open) continue;
      run = own;
      group.last = layer;
      group.count += nodes.length;
      for (const id of nodes) found.set(id, group);
    }
    for (const folded of found.values()) folded.key = `layers ${folded.first}-${folded.last}`;
    return found;
  }
}

function byLayer(a, b) {
  return a.layer - b.layer;
}
