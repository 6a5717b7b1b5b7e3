"use strict";

/** The data of the page: see the docstring of `jetfold.explorer` for its form. */
async function readData() {
  const element = document.getElementById("derivation");
  if (element.dataset.encoding !== "gzip-base64") return JSON.parse(element.textContent);
  const bytes = Uint8Array.from(atob(element.textContent.trim()), (c) => c.charCodeAt(0));
  const text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(text).json();
}

/**
 * The derivation as places: each chapter has one for its begin (step 0) and one after each step.
 *
 * Graphs are found by replaying what the steps change, and kept.
 */
class Model {
  constructor(data) {
    this.data = data;
    this.chapters = data.chapters;
    this.places = [];
    this.first = [];
    this.chapters.forEach((chapter, c) => {
      this.first.push(this.places.length);
      for (let step = 0; step <= chapter.steps.length; step++) {
        this.places.push({ index: this.places.length, c, step });
      }
    });
    this._graphs = this.chapters.map(() => []);
    this._lineages = null;
  }

  /** The graph at a place: records by node, and the outputs. */
  graph(c, step) {
    const known = this._graphs[c];
    const { graph, steps } = this.chapters[c];
    if (!known.length) known.push({ nodes: this._records(graph.nodes), outputs: graph.outputs });
    while (known.length <= step) {
      const last = known[known.length - 1];
      const { nodes, outputs } = steps[known.length - 1];
      const next = new Map(last.nodes);
      for (const [node, record] of this._records(nodes)) {
        if (record === null) next.delete(node);
        else next.set(node, record);
      }
      known.push({ nodes: next, outputs: outputs ?? last.outputs });
    }
    return known[step];
  }

  _records(nodes) {
    const found = new Map();
    for (const [node, place] of Object.entries(nodes)) {
      found.set(Number(node), place === null ? null : this.data.records[place]);
    }
    return found;
  }

  end(c) {
    return this.graph(c, this.chapters[c].steps.length);
  }

  /**
   * A number for each chapter; equal where a chapter begins with the graph with which the one
   * before it ends, so that a node's number means the same value in both.
   */
  lineage(c) {
    if (!this._lineages) {
      this._lineages = [0];
      for (let next = 1; next < this.chapters.length; next++) {
        const same = sameNodes(this.end(next - 1).nodes, this.graph(next, 0).nodes);
        this._lineages.push(this._lineages[next - 1] + (same ? 0 : 1));
      }
    }
    return this._lineages[c];
  }

  chapter(place) {
    return this.chapters[place.c];
  }

  /** The step that led to a place, or null at the begin of a chapter. */
  step(place) {
    return place.step ? this.chapters[place.c].steps[place.step - 1] : null;
  }

  counts(place) {
    return (this.step(place) ?? this.chapter(place)).counts;
  }

  routine(place) {
    return Boolean(this.step(place)?.routine);
  }

  rule(step) {
    return step?.rule === null || step?.rule === undefined ? null : this.data.rules[step.rule];
  }

  /** MathML of a formula that the data names by its place. */
  formula(place) {
    return place === null || place === undefined ? "" : this.data.formulas[place];
  }

  /** Why the sum that this node is at a place stopped, as HTML; empty if it did not. */
  whyStopped(place, id) {
    const c = this.chapters.findIndex(({ key }) => key === this.data.blocked[0]?.chapter);
    if (c < 0 || this.lineage(c) !== this.lineage(place.c)) return "";
    return this.data.blocked.find(({ node }) => node === id)?.reason ?? "";
  }

  /** The part of the address that names a place, and back. */
  hash(place) {
    return `#${this.chapter(place).key}/${place.step}`;
  }

  placeOf(hash) {
    const [key, step] = hash.slice(1).split("/");
    const c = this.chapters.findIndex((chapter) => chapter.key === key);
    if (c < 0) return null;
    const wanted = Math.trunc(Number(step)) || 0;
    const last = this.chapters[c].steps.length;
    return this.places[this.first[c] + Math.min(Math.max(wanted, 0), last)];
  }
}

function sameNodes(a, b) {
  if (a.size !== b.size) return false;
  for (const [node, record] of a) if (b.get(node) !== record) return false;
  return true;
}
