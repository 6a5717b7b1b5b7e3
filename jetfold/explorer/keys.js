"use strict";

/** What the help says, and what each key does with the explorer. */
const KEYS = [
  [["ArrowRight", "j"], "→ or j", "next step", (page) => page.move(1)],
  [["ArrowLeft", "k"], "← or k", "previous step", (page) => page.move(-1)],
  [["PageDown", "]"], "PageDown or ]", "next chapter", (page) => page.moveChapter(1)],
  [["PageUp", "["], "PageUp or [", "previous chapter", (page) => page.moveChapter(-1)],
  [["Home"], "Home", "first place", (page) => page.moveTo(0)],
  [["End"], "End", "last place", (page) => page.moveTo(-1)],
  [["b"], "b", "graph before or after the step", (page) => page.turn()],
  [["f"], "f", "hide or show routine steps", (page) => page.filter(!page.filtered)],
  [["s"], "s", "generated source", (page) => page.toggleSource()],
  [["c"], "c", "view follows what changes", (page) => page.view("follow")],
  [["0"], "0", "view of the whole graph", (page) => page.view("whole")],
  [["+", "="], "+", "larger", (page) => page.camera.zoom(1.25)],
  [["-", "_"], "−", "smaller", (page) => page.camera.zoom(0.8)],
  [["t"], "t", "colours: auto, light, dark", (page) => page.nextTheme()],
  [["Escape"], "Esc", "let go of a node or line", (page) => page.letGo()],
  [["?"], "?", "this help", (page) => page.help()],
];
const KEYS_ELSEWHERE = [
  ["Tab, then arrows", "in the graph: move it; on a box: go to the next box"],
  ["Enter", "on a box: keep its details, or open folded layers"],
  ["↑ ↓", "in the lists: next place, next line"],
];

function listKeys() {
  const list = document.getElementById("keys");
  const rows = [...KEYS.map(([, keys, words]) => [keys, words]), ...KEYS_ELSEWHERE];
  for (const [keys, words] of rows) {
    list.append(html("div", {}, html("dt", {}, html("kbd", {}, keys)), html("dd", {}, words)));
  }
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN = 60;

/** One listener for all keys: lists and the graph take the keys that are theirs. */
function listenToKeys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.getElementById("help").open || scrolls(event)) return;
    if (ownKey(page, event) || pageKey(page, event)) event.preventDefault();
  });
}

/** The keys of what has the focus. */
function ownKey(page, event) {
  const { target, key } = event;
  const box = target.closest("#graph .node");
  if (box) {
    if (key === "Enter" || key === " ") return (page.press(box), true);
    if (key in ARROWS) return (page.focusNeighbour(box, ...ARROWS[key]), true);
    return false;
  }
  if (target.id === "graph" && key in ARROWS) {
    const [dx, dy] = ARROWS[key];
    return (page.camera.pan(-dx * PAN, -dy * PAN), true);
  }
  if (target.id === "lines") return page.listing.key(key);
  if (target.id === "outline" && (key === "ArrowUp" || key === "ArrowDown")) {
    return (page.move(key === "ArrowUp" ? -1 : 1), true);
  }
  return false;
}

/** Formulas and panels that can be scrolled keep the keys that scroll them. */
function scrolls({ target, key }) {
  const element = key in ARROWS && target.closest(".formula, #step, #node");
  if (!element) return false;
  if (key === "ArrowUp" || key === "ArrowDown")
    return element.scrollHeight > element.clientHeight + 1;
  return element.scrollWidth > element.clientWidth + 1;
}

function pageKey(page, event) {
  const { key } = event;
  const found = KEYS.find(([keys]) => keys.includes(key));
  if (!found) return false;
  found[3](page);
  return true;
}
