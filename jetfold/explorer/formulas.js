"use strict";

/** A formula in a box of its own, in which one that cannot be broken can be scrolled. */
function formula(markup) {
  const box = html("div", { class: "formula" });
  box.innerHTML = markup;
  return box;
}

/**
 * Break the formulas below ``root`` that are wider than their boxes: browsers do not.
 *
 * Rows of an alignment become lines; lines are broken before = + − and, where that is not enough,
 * inside the widest brackets. What is still too wide can be scrolled, with keys, too.
 */
function fitFormulas(root) {
  for (const box of root.querySelectorAll(".formula")) {
    if (!tooWide(box)) continue;
    const math = box.firstElementChild;
    const lines = [...rowsOf(math)].map((parts) => {
      const line = html("div", { class: "broken" });
      line.append(...pieces(parts));
      return line;
    });
    box.replaceChildren(...lines);
    for (const line of lines) breakInside(line, box.clientWidth - 26);
    if (tooWide(box)) set(box, { tabindex: 0, role: "group", "aria-label": "wide formula" });
  }
}

function tooWide(box) {
  return box.scrollWidth > box.clientWidth + 1;
}

/** The parts of each line: of an alignment its rows, else everything. */
function rowsOf(math) {
  const parts = flat([...math.children]);
  if (parts.length !== 1 || parts[0].localName !== "mtable") return [parts];
  return [...parts[0].children].map((row) =>
    flat([...row.children].flatMap((cell) => [...cell.children])),
  );
}

/** Parts without rows that only hold others together. */
function flat(parts) {
  return parts.flatMap((part) => {
    if (part.localName === "mi" && !part.textContent) return [];
    return part.localName === "mrow" && !fenced(part) ? flat([...part.children]) : [part];
  });
}

function fenced(part) {
  return part.localName === "mrow" && part.firstElementChild?.getAttribute("fence") === "true";
}

const BREAKS = new Set(["=", "+", "−", "-", "±", "→"]);

/** Parts as formulas that stay whole; a line may be broken between them. */
function pieces(parts) {
  const found = [[]];
  parts.forEach((part, i) => {
    const breaks = part.localName === "mo" && BREAKS.has(part.textContent.trim());
    const operand = i > 0 && (parts[i - 1].localName !== "mo" || closes(parts[i - 1]));
    if (part.localName === "mspace" && parseFloat(part.getAttribute("width")) >= 1) {
      found.push([]);
      return;
    }
    if (breaks && operand && found.at(-1).length) {
      part.setAttribute("form", "infix"); // at the begin of a row it would be a sign
      found.push([]);
    }
    found.at(-1).push(part);
  });
  return found
    .filter((piece) => piece.length)
    .map((piece) => {
      const math = document.createElementNS("http://www.w3.org/1998/Math/MathML", "math");
      math.append(...piece);
      return html("span", { class: "piece" }, math);
    });
}

function closes(part) {
  return part.getAttribute("form") === "postfix" || [")", "]"].includes(part.textContent.trim());
}

/** Open the widest brackets of pieces that are wider than a line, until none is or none has any. */
function breakInside(line, width) {
  const pending = [...line.children];
  while (pending.length) {
    const piece = pending.pop();
    if (piece.offsetWidth <= width) continue;
    const parts = [...piece.firstElementChild.children];
    const brackets = parts
      .filter(fenced)
      .sort((a, b) => b.textContent.length - a.textContent.length);
    if (!brackets.length) continue;
    const [widest] = brackets;
    const inner = flat([...widest.children]);
    for (const part of inner) {
      if (part.getAttribute("fence")) part.setAttribute("stretchy", "false");
    }
    const opened = pieces(parts.flatMap((part) => (part === widest ? inner : [part])));
    piece.replaceWith(...opened);
    pending.push(...opened);
  }
}
