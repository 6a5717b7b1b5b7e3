"use strict";

/** Boxes as `jetfold.graph.draw` draws them; their sizes come from `jetfold.graph.figure`. */
const PADDING = 9;
const SPACE = 7;
const SMALL_ADVANCE = 6.05;
const SIGNS = { added: "+", removed: "−", rewired: "~" };

/** The contents of a node's box or pill. */
function drawNode(group, record, fullWidth, sign, about) {
  const sheets = record.badges.length ? 2 : 0;
  const width = fullWidth - 4 * sheets;
  const height = record.height - 4 * sheets;
  const round = record.leaf ? 12 : 5;
  if (about) group.append(ring("halo", 8, width, height, round));
  for (let sheet = sheets; sheet >= 0; sheet--) {
    const at = { x: 4 * sheet, y: 4 * sheet, width, height, rx: round };
    group.append(svg("rect", { class: sheet ? "sheet" : "front", ...at }));
  }
  if (record.leaf) {
    group.append(text(record.title[0], PADDING, 16));
    drawType(group, record, width - PADDING, 16);
  } else {
    let y = PADDING / 2 + 10;
    group.append(text(record.number, PADDING, y, "small"));
    drawType(group, record, width - PADDING, y);
    for (const line of record.title) group.append(text(line, width / 2, (y += 17), "middle"));
    if (record.note) group.append(text(record.note, width / 2, y + 14, "small middle"));
  }
  if (sign) drawSign(group, sign, width, height, round);
}

/** What a step did is told by the pattern of an outline and by a sign, not by colour alone. */
function drawSign(group, sign, width, height, round) {
  group.append(
    ring("outline", 4, width, height, round),
    svg("circle", { class: "badge", cx: -4, cy: -4, r: 9 }),
    text(SIGNS[sign], -4, 1, "sign middle"),
  );
}

function ring(name, by, width, height, round) {
  const size = { width: width + 2 * by, height: height + 2 * by, rx: round + by - 1 };
  return svg("rect", { class: name, x: -by, y: -by, ...size });
}

function text(content, x, y, classes = "") {
  return svg("text", { x, y, class: classes }, content);
}

/** The shape and one badge per direction axis, ending at the right. */
function drawType(group, record, right, baseline) {
  const widths = record.badges.map((badge) => SMALL_ADVANCE * badge.length + 8);
  let x = right - widths.reduce((sum, width) => sum + width + SPACE, 0);
  group.append(text(record.shape, x, baseline, "small end"));
  record.badges.forEach((badge, i) => {
    const at = { x: x + SPACE, y: baseline - 10, width: widths[i], height: 13, rx: 6.5 };
    group.append(svg("rect", { class: "chip", ...at }));
    group.append(text(badge, x + SPACE + widths[i] / 2, baseline, "chip-text middle"));
    x += widths[i] + SPACE;
  });
}

function drawOutput(group, unit) {
  group.append(svg("rect", { class: "front", width: unit.width, height: unit.height, rx: 3 }));
  group.append(text(unit.text, unit.width / 2, 13.5, "small middle"));
}

/** A pile of layers, to be opened. */
function drawGroup(group, unit) {
  const { width, height } = unit;
  for (const by of [6, 3, 0]) {
    const at = { x: by, y: by, width: width - 6, height: height - 6, rx: 7 };
    group.append(svg("rect", { class: by ? "sheet" : "front", ...at }));
  }
  group.append(text(groupTitle(unit.group), (width - 6) / 2, 20, "middle"));
  group.append(text(`${unit.group.count} nodes, folded`, (width - 6) / 2, 36, "small middle"));
}

function groupTitle(group) {
  if (group.first === group.last) return `layer ${group.first}`;
  return `layers ${group.first}–${group.last}`;
}

/** What is said of a box to those who do not see it. */
function spoken(record, sign) {
  const words = {
    added: "new in this step",
    removed: "gone after this step",
    rewired: "reads other operands",
  };
  const kind = record.leaf ? record.kind : "node";
  const parts = [kind, record.number, record.title.join(" "), `shape ${record.shape}`];
  parts.push(...record.badges.map((badge) => `one copy per direction ${badge}`), record.note);
  parts.push(words[sign]);
  return parts.filter(Boolean).join(", ");
}
