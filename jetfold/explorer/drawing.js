"use strict";

const HEAD = 7;
const GLIDE = 260;

/**
 * The graph on the page. Elements stay the same from step to step and glide to their new places.
 *
 * Boxes carry ``data-node`` (or ``data-group``) and ``data-sign``; those of a node that is gone
 * after the step are ghosts in the view "after", those that are new are absent in "before".
 */
class Drawing {
  constructor(world) {
    this._edges = svg("g", { class: "edges" });
    this._boxes = svg("g", { class: "boxes" });
    world.append(this._boxes, this._edges);
    this._shown = new Map();
    this._frame = 0;
  }

  /** Show units and arrows where a layout puts them; ``side`` is "before" or "after". */
  show({ units, arrows }, layout, side, glide, lineage) {
    cancelAnimationFrame(this._frame);
    if (lineage !== this._lineage) this._clear();
    this._lineage = lineage;
    const kept = new Set();
    const present = arrows.filter((arrow) => arrow[side]);
    const used = new Set(present.map((arrow) => arrow.from));
    for (const unit of units.values()) {
      for (const box of [unit, ...unit.pills.filter((pill) => used.has(pill.key))]) {
        const look = lookOf(box, side);
        if (!look) continue;
        kept.add(`box ${box.key}`);
        this._put(`box ${box.key}`, this._boxes, look, layout.boxes.get(box.key));
      }
    }
    for (const arrow of present) {
      kept.add(`edge ${arrow.key}`);
      this._put(`edge ${arrow.key}`, this._edges, edgeLook(arrow), layout.routes.get(arrow.key));
    }
    for (const [key, item] of this._shown) {
      if (kept.has(key)) continue;
      item.element.remove();
      this._shown.delete(key);
    }
    this._move(glide);
  }

  _clear() {
    for (const item of this._shown.values()) item.element.remove();
    this._shown.clear();
  }

  _put(key, parent, look, target) {
    let item = this._shown.get(key);
    if (!item) {
      item = { element: svg("g"), at: null, look: "" };
      parent.append(item.element);
      this._shown.set(key, item);
    }
    if (item.look !== look.name || item.record !== look.record) {
      Object.assign(item, { look: look.name, record: look.record });
      item.element.replaceChildren();
      look.draw(item.element);
    }
    item.isEdge = Array.isArray(target);
    item.target = target;
  }

  _move(glide) {
    const moving = [];
    for (const item of this._shown.values()) {
      if (!item.at || !glide) place(item, item.target);
      else if (!samePlace(item)) {
        if (item.isEdge) item.pair = paired(item.at, item.target);
        moving.push({ item, from: item.at });
      }
    }
    if (!moving.length) return;
    const start = performance.now();
    const frame = (now) => {
      const t = Math.min((now - start) / GLIDE, 1);
      for (const { item, from } of moving) {
        if (t === 1) place(item, item.target);
        else
          place(
            item,
            item.isEdge ? onTheWay(item.pair, eased(t)) : mixed(from, item.target, eased(t)),
          );
      }
      if (t < 1) this._frame = requestAnimationFrame(frame);
    };
    this._frame = requestAnimationFrame(frame);
  }

  /** The elements of a node's boxes: parameters have several. */
  boxesOf(id) {
    return [...this._boxes.querySelectorAll(`[data-node="${id}"]`)];
  }

  get boxes() {
    return [...this._boxes.children];
  }

  /** Give nodes, and the arrows from and to them, a class; take it from all others. */
  mark(name, ids) {
    const wanted = new Set([...ids].map(String));
    for (const box of this._boxes.children) {
      box.classList.toggle(name, wanted.has(box.dataset.node));
    }
    for (const edge of this._edges.children) {
      edge.classList.toggle(name, wanted.has(edge.dataset.from) || wanted.has(edge.dataset.to));
    }
  }
}

/** How a box looks on a side of the step: {name, record, draw}, or null where it is absent. */
function lookOf(box, side) {
  if (box.kind === "output") {
    return {
      name: "output",
      record: box.text,
      draw: (group) => {
        set(group, { class: "node output" });
        drawOutput(group, box);
      },
    };
  }
  if (box.kind === "group") {
    return {
      name: `group ${box.group.count}`,
      record: box.key,
      draw: (group) => {
        const label = `${groupTitle(box.group)}, ${box.group.count} nodes, folded; opens`;
        set(group, {
          class: "node group",
          "data-group": box.key,
          role: "button",
          tabindex: -1,
          "aria-label": label,
        });
        drawGroup(group, box);
      },
    };
  }
  const { id, about } = box.node;
  let { sign } = box.node;
  const ghost = side === "after" && sign === "removed";
  const record = ghost ? box.node.before : box.node[side];
  if (!record) return null;
  const classes = ["node", record.kind];
  if (record.leaf) classes.push("leaf");
  if (record.shared && !record.leaf) classes.push("shared");
  if (ghost) classes.push("ghost");
  if (sign) classes.push(sign);
  return {
    name: `${classes.join(" ")} ${about}`,
    record,
    draw: (group) => {
      set(group, {
        class: classes.join(" "),
        "data-node": id,
        "data-sign": sign,
        role: "button",
        tabindex: -1,
        "aria-label": spoken(record, sign),
      });
      drawNode(group, record, box.kind ? box.width : record.width, sign, about);
    },
  };
}

function edgeLook(arrow) {
  const classes = arrow.copies ? "edge copies" : "edge";
  return {
    name: `${classes} ${arrow.letter}`,
    record: arrow.to,
    draw: (group) => {
      const from = String(arrow.from).replace(/^n|@.*$/g, "");
      set(group, {
        class: classes,
        "data-from": from,
        "data-to": arrow.to.replace(/^n/, ""),
        "data-half": arrow.copies ? 5 : 4,
      });
      group.append(svg("path", { class: "line" }), svg("path", { class: "head" }));
      if (arrow.letter) group.append(svg("text", { class: "letter" }, arrow.letter));
    },
  };
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

// Places ---------------------------------------------------------------------------------------

function place(item, at) {
  item.at = at;
  if (!item.isEdge) {
    item.element.setAttribute("transform", `translate(${at.x.toFixed(1)} ${at.y.toFixed(1)})`);
    return;
  }
  const [line, head, letter] = item.element.children;
  const half = Number(item.element.dataset.half);
  const { x, y } = at.at(-1);
  const entry = { x: at.at(-2).x, y: Math.min(at.at(-2).y, y - HEAD) };
  line.setAttribute("d", pathOf([...at.slice(0, -2), entry, { x, y: y - HEAD + 1 }]));
  const corner = `M${(x - half).toFixed(1)} ${(y - HEAD).toFixed(1)}`;
  head.setAttribute("d", `${corner}h${2 * half}L${x.toFixed(1)} ${y.toFixed(1)}Z`);
  if (letter) set(letter, { x: (x + half + 1).toFixed(1), y: (y - 5).toFixed(1) });
}

function samePlace({ at, target, isEdge }) {
  if (!isEdge) return near(at, target);
  return at.length === target.length && at.every((point, i) => near(point, target[i]));
}

function near(a, b) {
  return Math.abs(a.x - b.x) < 0.05 && Math.abs(a.y - b.y) < 0.05;
}

function mixed(a, b, t) {
  return { x: between(a.x, b.x, t), y: between(a.y, b.y, t) };
}

function onTheWay([a, b], t) {
  return a.map((point, i) => mixed(point, b[i], t));
}
