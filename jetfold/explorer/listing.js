"use strict";

const KEYWORDS =
  "def|return|for|in|range|if|else|elif|while|import|from|as|and|or|not|with|True|False|None";
const PYTHON = new RegExp(
  [/(#.*$)/, /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/, `\\b(${KEYWORDS})\\b`, /\b(\d[\w.]*)/]
    .map((part) => part.source ?? part)
    .join("|"),
  "g",
);
const TOKENS = [null, "comment", "string", "keyword", "digits"];

/** The generated source of the graph that runs; lines and nodes point at each other. */
class Listing {
  /** ``point(ids, kept)`` is told which nodes a line is about. */
  constructor(model, point) {
    this.source = model.data.source;
    this._list = document.getElementById("lines");
    this._point = point;
    this._current = -1;
    this._lines = (this.source?.lines ?? []).map((line, i) => this._line(line, i));
    this._list.append(...this._lines);
    this._list.addEventListener("pointerover", (event) => this._hover(event));
    this._list.addEventListener("pointerleave", () => point(null, false));
    this._list.addEventListener("click", (event) => {
      const line = event.target.closest("[role=option]");
      if (line) this.choose(this._lines.indexOf(line));
    });
  }

  _line(content, i) {
    const quotes = content.split('"""').length - 1;
    const prose = this._inProse || quotes > 0;
    if (quotes % 2) this._inProse = !this._inProse;
    const linked = this.source.nodes[i]?.length > 0;
    const attributes = {
      id: `line-${i}`,
      role: "option",
      "aria-selected": "false",
      class: linked ? "line linked" : "line",
    };
    const code = html("code");
    if (prose) code.append(html("span", { class: "comment" }, content || " "));
    else coloured(code, content);
    if (!content.trim()) attributes["aria-label"] = "empty line";
    return html(
      "div",
      attributes,
      html("span", { class: "number", "aria-hidden": "true" }, String(i + 1)),
      code,
    );
  }

  _hover(event) {
    const line = event.target.closest("[role=option]");
    this._point(line ? this.nodesOf(this._lines.indexOf(line)) : null, false);
  }

  nodesOf(line) {
    return this.source.nodes[line] ?? [];
  }

  /** Choose a line; -1 lets go. */
  choose(line) {
    this._lines[this._current]?.setAttribute("aria-selected", "false");
    this._current = line;
    this._lines[line]?.setAttribute("aria-selected", "true");
    if (line < 0) {
      this._list.removeAttribute("aria-activedescendant");
      return;
    }
    this._list.setAttribute("aria-activedescendant", this._lines[line].id);
    scrollWithin(this._list, this._lines[line]);
    this._point(this.nodesOf(line), true);
  }

  /** Go to another line with the keys; whether the key was one for that. */
  key(name) {
    const last = this._lines.length - 1;
    const moves = { ArrowUp: this._current - 1, ArrowDown: this._current + 1, Home: 0, End: last };
    if (!(name in moves) || !this._lines.length) return false;
    this.choose(Math.min(Math.max(moves[name], 0), last));
    return true;
  }

  /** Mark the lines of a node, and show the one that is about the fewest nodes beside it. */
  mark(id, scroll) {
    const own = [];
    this._lines.forEach((line, i) => {
      const about = id !== null && this.nodesOf(i).includes(id);
      line.classList.toggle("own", about);
      if (about) own.push(i);
    });
    if (!own.length || !scroll) return;
    const fewest = Math.min(...own.map((i) => this.nodesOf(i).length));
    const shown = own.find((i) => this.nodesOf(i).length === fewest);
    scrollWithin(this._list, this._lines[shown]);
  }

  /** Show the first line that is about a node. */
  begin() {
    const first =
      this._lines.find((line) => line.classList.contains("own")) ??
      this._lines.find((line) => line.classList.contains("linked"));
    if (!first) return;
    const { top } = this._list.getBoundingClientRect();
    this._list.scrollTop += first.getBoundingClientRect().top - top - 40;
  }

  /** What became of a node that no line is about. */
  elsewhere(id) {
    return this.source?.elsewhere?.[id] ?? "";
  }
}

function coloured(code, content) {
  let last = 0;
  for (const found of content.matchAll(PYTHON)) {
    code.append(content.slice(last, found.index));
    const kind = found.findIndex((part, i) => i && part !== undefined);
    code.append(html("span", { class: TOKENS[kind] }, found[0]));
    last = found.index + found[0].length;
  }
  code.append(content.slice(last) || (last ? "" : " "));
}
