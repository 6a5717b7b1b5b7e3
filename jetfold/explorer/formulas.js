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
 * between factors and inside the widest brackets. What is still too wide is written smaller, and
 * what then still is can be scrolled, with keys, too.
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
  return found.filter((piece) => piece.length).map(pieceOf);
}

function pieceOf(parts) {
  const math = document.createElementNS("http://www.w3.org/1998/Math/MathML", "math");
  math.append(...parts);
  return html("span", { class: "piece" }, math);
}

function closes(part) {
  return part.getAttribute("form") === "postfix" || [")", "]"].includes(part.textContent.trim());
}

/** Break pieces that are wider than a line between factors, then inside their brackets. */
function breakInside(line, width) {
  const pending = [...line.children];
  while (pending.length) {
    const piece = pending.pop();
    if (piece.offsetWidth <= width) continue;
    const parts = [...piece.firstElementChild.children];
    const broken = factors(parts) ?? inBrackets(parts);
    if (broken) {
      piece.replaceWith(...broken);
      pending.push(...broken);
    } else {
      const scale = Math.max(width / piece.offsetWidth, SMALLEST_FORMULA);
      piece.style.fontSize = `${scale.toFixed(2)}em`;
    }
  }
}

const SMALLEST_FORMULA = 0.7;

/** The factors of a product as pieces, or null if there is but one. */
function factors(parts) {
  const found = [[]];
  parts.forEach((part, i) => {
    const named = part.localName !== "mo" || /[a-z]/i.test(part.textContent);
    const begins = i > 0 && named && part.localName !== "mspace";
    if (begins && !binds(parts[i - 1])) found.push([]);
    found.at(-1).push(part);
  });
  return found.length > 1 ? found.map(pieceOf) : null;
}

/** Whether what follows belongs to a part: a sign, a sum, a number, the name of a function. */
function binds(part) {
  const base = part.children.length && !fenced(part) ? part.firstElementChild : part;
  if (base.localName === "mo") return !(part === base && closes(part));
  if (base.localName === "mn") return part === base;
  return base.localName === "mi" && base.textContent.length > 1;
}

/** Pieces of what is in the widest brackets and around them, or null if there are none. */
function inBrackets(parts) {
  const brackets = parts.filter(fenced);
  if (!brackets.length) return null;
  brackets.sort((a, b) => b.textContent.length - a.textContent.length);
  const [widest] = brackets;
  const inner = flat([...widest.children]);
  for (const part of inner) {
    if (part.getAttribute("fence")) part.setAttribute("stretchy", "false");
  }
  return pieces(parts.flatMap((part) => (part === widest ? inner : [part])));
}
