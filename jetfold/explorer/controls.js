"use strict";

/** The bar at the bottom: buttons, slider, chapters as ticks. */
class Transport {
  constructor(model, page) {
    this._model = model;
    this._slider = document.getElementById("slider");
    this._ticks = document.getElementById("ticks");
    this._slider.addEventListener("input", () =>
      page.go(this._visible[Number(this._slider.value)]),
    );
    new ResizeObserver(() => {
      this._width = this._ticks.clientWidth;
      this._label();
    }).observe(this._ticks);
    this._ticks.addEventListener("click", (event) => {
      const c = event.target.closest("[data-chapter]")?.dataset.chapter;
      if (c) page.go(model.places[model.first[Number(c)]]);
    });
  }

  show(place, visible) {
    this._visible = visible;
    const at = visible.indexOf(place);
    const { title, steps } = this._model.chapter(place);
    const step = this._model.step(place);
    const name = step ? `${title}, step ${place.step} of ${steps.length}: ${step.title}` : title;
    set(this._slider, { max: visible.length - 1, "aria-valuetext": name });
    this._slider.value = at;
    this._slider.style.setProperty("--done", visible.length > 1 ? at / (visible.length - 1) : 1);
    document.getElementById("position").textContent = `${at + 1} / ${visible.length}`;
    for (const [id, off] of [
      ["back", at === 0],
      ["chapter-back", at === 0],
      ["forward", at === visible.length - 1],
      ["chapter-forward", place.c === this._model.chapters.length - 1],
    ]) {
      document.getElementById(id).disabled = off;
    }
    this._showTicks(place, visible);
  }

  _showTicks(place, visible) {
    const count = Math.max(visible.length - 1, 1);
    const ticks = this._model.chapters.map((chapter, c) => {
      const first = visible.findIndex((other) => other.c === c);
      const next = visible.findIndex((other) => other.c === c + 1);
      const tick = html("span", {
        class: c === place.c ? "tick current" : "tick",
        "data-chapter": c,
      });
      tick.style.setProperty("--at", first / count);
      tick.style.setProperty("--share", ((next < 0 ? count : next) - first) / count);
      tick.title = chapter.title;
      return tick;
    });
    this._ticks.replaceChildren(...ticks);
    this._label();
  }

  /** Chapters have their titles where there is room for them. */
  _label() {
    const width = this._width ?? 0;
    for (const tick of this._ticks.children) {
      const room = width * Number(tick.style.getPropertyValue("--share"));
      tick.textContent = room > 48 ? tick.title : "";
    }
  }
}

function listenToButtons(page) {
  const on = (id, action) => document.getElementById(id).addEventListener("click", action);
  on("back", () => page.move(-1));
  on("forward", () => page.move(1));
  on("chapter-back", () => page.moveChapter(-1));
  on("chapter-forward", () => page.moveChapter(1));
  on("show-source", () => page.toggleSource());
  on("hide-source", () => page.toggleSource(false));
  on("source-go", () => page.goToSource());
  on("show-help", () => page.help());
  on("follow", () => page.view("follow"));
  on("whole", () => page.view("whole"));
  on("nearer", () => page.camera.zoom(1.25));
  on("farther", () => page.camera.zoom(0.8));
  on("refold", () => page.refold());
  on("side", (event) => event.target.dataset.side && page.turn(event.target.dataset.side));
  on("theme", (event) => event.target.dataset.theme && page.setTheme(event.target.dataset.theme));
  document
    .getElementById("filter")
    .addEventListener("change", (event) => page.filter(event.target.checked));
}

function listenToPointer(page, stage) {
  const boxAt = (event) => event.target.closest(".node");
  stage.addEventListener("pointerover", (event) => page.hover(idOf(boxAt(event))));
  stage.addEventListener("pointerleave", () => page.hover(null));
  stage.addEventListener("focusin", (event) => page.hover(idOf(boxAt(event))));
  stage.addEventListener("focusout", () => page.hover(null));
  stage.addEventListener("click", (event) => {
    if (page.camera.dragged) return;
    const box = boxAt(event);
    if (box) page.press(box);
    else page.letGo();
  });
}

function idOf(box) {
  return box?.dataset.node === undefined ? null : Number(box.dataset.node);
}

/** What the boxes and signs mean that occur. */
function showLegend(model, scene) {
  const nodes = [...scene.nodes.values()];
  const records = nodes.map(recordOf);
  const kinds = new Set(records.map((record) => record.kind));
  const entries = model.data.kinds
    .filter(({ key }) => kinds.has(key))
    .map(({ key, words }) => [`kind ${key}`, words]);
  if (records.some((record) => record.badges.length))
    entries.push(["copies", "one copy per direction"]);
  if (records.some((record) => record.shared && !record.leaf))
    entries.push(["shared", "same at every point"]);
  if (nodes.some((node) => node.about)) entries.push(["about", "what the step is about"]);
  const signs = new Set(nodes.map((node) => node.sign));
  for (const [sign, words] of [
    ["added", "+ new"],
    ["removed", "− gone"],
    ["rewired", "~ reads others"],
  ]) {
    if (signs.has(sign)) entries.push([`change ${sign}`, words]);
  }
  const legend = document.getElementById("legend");
  const rows = entries.map(([name, words]) =>
    html("li", {}, html("span", { class: `swatch ${name}` }), words),
  );
  legend.replaceChildren(...rows);
}
