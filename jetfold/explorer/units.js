"use strict";

/** Sizes in pixels; those of boxes come with the records (`jetfold.graph.figure`). */
const PILL_GAP = 8;
/** Between the pills above a box and the box. */
const ROW_GAP = 16;
const PORT_GAP = 22;
/** No arrow is nearer than this to the corner of a box. */
const CORNER = 12;
const SHEETS = 8;
/** Room for two arrows. */
const NARROWEST = 68;

/**
 * The units that are laid out, and the arrows between them.
 *
 * A unit is a box with its pills in a row above it; the boxes of nodes have key "n" and the node,
 * those of outputs "out" and the position, those of folded layers the key of their group. An arrow
 * {key, from, to, letter, copies, before, after, pill} is there before the step, after it or both.
 */
function unitsOf(scene, folding) {
  const groups = folding.groups(scene);
  const units = new Map();
  const arrows = new Map();
  const keyOf = (id) => groups.get(id)?.key ?? `n${id}`;

  for (const node of scene.nodes.values()) {
    const record = recordOf(node);
    if (isPill(record)) continue;
    const group = groups.get(node.id);
    if (!group) {
      const width = Math.max(record.width, node.before?.width ?? 0, record.leaf ? 0 : NARROWEST);
      const height = Math.max(record.height, node.before?.height ?? 0);
      units.set(`n${node.id}`, { key: `n${node.id}`, kind: "node", node, width, height });
    } else if (!units.has(group.key)) {
      units.set(group.key, { key: group.key, kind: "group", group, width: 172, height: 52 });
    }
  }
  const positions = Math.max(scene.outputs.before.length, scene.outputs.after.length);
  for (let i = 0; i < positions; i++) {
    const text = positions === 1 ? "output" : `output ${i + 1}`;
    const width = 22 + 6.1 * text.length;
    units.set(`out${i}`, { key: `out${i}`, kind: "output", position: i, text, width, height: 20 });
  }
  for (const unit of units.values()) unit.pills = [];

  const connect = (id, to, position, letter, side) => {
    const node = scene.nodes.get(id);
    const record = node[side];
    const unit = units.get(to);
    const pill = isPill(record);
    if (pill && unit.kind === "group") return;
    const from = pill ? `n${id}@${to}` : keyOf(id);
    if (from === to) return;
    const folded = unit.kind === "group" || groups.has(id);
    const key = folded ? `${from}>${to}` : `${from}>${to}:${position}`;
    const arrow = arrows.get(key) ?? {
      key,
      from,
      to,
      letter: "",
      pill,
      before: false,
      after: false,
    };
    arrow[side] = true;
    arrow.id = id;
    arrow.copies ||= record.badges.length > 0;
    if (!folded) arrow.letter = letter;
    arrows.set(key, arrow);
    if (pill && !unit.pills.some((other) => other.key === from)) {
      unit.pills.push({ key: from, node, width: record.width, height: record.height });
    }
  };
  for (const side of ["before", "after"]) {
    for (const node of scene.nodes.values()) {
      const record = node[side];
      if (!record || isPill(record)) continue;
      const to = keyOf(node.id);
      record.operands.forEach((id, i) => connect(id, to, i, record.letters[i], side));
    }
    scene.outputs[side].forEach((id, i) => connect(id, `out${i}`, i, "", side));
  }
  const entering = new Map();
  for (const { from, to, pill } of arrows.values()) {
    if (pill) continue;
    if (!entering.has(to)) entering.set(to, new Set());
    entering.get(to).add(from);
  }
  for (const unit of units.values()) measure(unit, entering.get(unit.key)?.size ?? 0);
  return { units, arrows: [...arrows.values()] };
}

/** Equal for contents that have the same layout. */
function signatureOf({ units, arrows }) {
  const parts = [];
  for (const { key, width, height, pills } of units.values()) {
    parts.push(key, width, height, ...pills.map((pill) => pill.key + pill.width));
  }
  return [...parts, ...arrows.map((arrow) => arrow.key)].join(" ");
}

/**
 * Where the parts of a unit lie in its block: the box, and the pills in a row above it.
 *
 * Arrows from other units come down to the middle of the box, left of the pills.
 */
function measure(unit, entering) {
  const { width, height, pills } = unit;
  const front = width - (unit.node && recordOf(unit.node).badges.length ? SHEETS : 0);
  if (!pills.length) {
    Object.assign(unit, { left: 0, top: 0, front, blockWidth: width, blockHeight: height });
    return;
  }
  const row = pills.reduce((sum, pill) => sum + pill.width + PILL_GAP, -PILL_GAP);
  const lane = entering ? (front + entering * PORT_GAP) / 2 : 0;
  const left = entering ? 0 : Math.max((row - front) / 2, 0);
  let x = entering ? Math.max(lane, front - row) : Math.max((front - row) / 2, 0);
  for (const pill of pills) {
    pill.left = x;
    x += pill.width + PILL_GAP;
  }
  const top = Math.max(...pills.map((pill) => pill.height)) + ROW_GAP;
  const blockWidth = Math.max(left + width, x - PILL_GAP);
  Object.assign(unit, { left, top, front, lane, blockWidth, blockHeight: top + height });
}
