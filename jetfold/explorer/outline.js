"use strict";

/** The list of chapters and steps; the steps of the current chapter are unfolded. */
class Outline {
  constructor(model, go) {
    this._model = model;
    this._list = document.getElementById("outline");
    this._options = model.places.map((place) => this._option(place));
    this._steps = model.chapters.map((chapter, c) => this._group(chapter, c));
    this._list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) go(model.places[Number(option.dataset.place)]);
    });
  }

  _group(chapter, c) {
    const first = this._model.first[c];
    const options = this._options.slice(first, first + chapter.steps.length + 1);
    const steps = html("div", { class: "steps" }, ...options.slice(1));
    const group = html("div", { role: "group", "aria-label": chapter.title }, options[0], steps);
    this._list.append(group);
    return steps;
  }

  _option(place) {
    const chapter = this._model.chapter(place);
    const step = this._model.step(place);
    const attributes = { id: `place-${place.index}`, role: "option", "data-place": place.index };
    const option = html("div", { ...attributes, "aria-selected": "false" });
    if (step) {
      option.className = this._model.routine(place) ? "routine" : "";
      option.append(
        html("span", { class: "number" }, String(place.step)),
        html("span", {}, step.title),
      );
      if (typeof step.before === "number")
        option.append(html("span", { class: "of" }, `%${step.before}`));
    } else {
      option.className = "chapter";
      option.append(html("span", {}, chapter.title));
      if (chapter.runs) option.append(html("span", { class: "runs" }, "runs"));
      const count = chapter.steps.length;
      if (count)
        option.append(html("span", { class: "of", title: `${count} steps` }, String(count)));
    }
    return option;
  }

  show(place, visible) {
    this._steps.forEach((steps, c) => (steps.hidden = c !== place.c));
    const first = this._model.first[place.c];
    const count = this._model.chapter(place).steps.length;
    for (let i = first + 1; i <= first + count; i++) {
      this._options[i].hidden = !visible(this._model.places[i]);
    }
    this._current?.setAttribute("aria-selected", "false");
    this._current = this._options[place.index];
    this._current.setAttribute("aria-selected", "true");
    this._list.setAttribute("aria-activedescendant", this._current.id);
  }

  reveal() {
    scrollWithin(this._list, this._current);
  }
}

/** Bring an element into view inside its list, without moving the page. */
function scrollWithin(list, element) {
  const box = element.getBoundingClientRect();
  const frame = list.getBoundingClientRect();
  if (box.top < frame.top + 30) list.scrollTop -= frame.top + 30 - box.top;
  if (box.bottom > frame.bottom - 30) list.scrollTop += box.bottom - frame.bottom + 30;
}

/** The sums that stopped, each a button that goes to its node. */
function showBlocked(model, goTo) {
  const { blocked } = model.data;
  const section = document.getElementById("blocked");
  section.hidden = !blocked.length;
  section.open = blocked.length <= 3;
  section.querySelector("summary span").textContent = blocked.length;
  for (const sum of blocked) {
    const c = model.chapters.findIndex((chapter) => chapter.key === sum.chapter);
    if (c < 0) continue;
    const button = html("button", { type: "button" }, `%${sum.node}`);
    button.addEventListener("click", () => {
      goTo(model.places[model.first[c] + model.chapters[c].steps.length], sum.node);
    });
    const reason = html("span");
    reason.innerHTML = sum.reason;
    section.querySelector("ul").append(html("li", {}, button, " ", reason));
  }
  const fit = () => fitFormulas(section);
  section.addEventListener("toggle", fit);
  fit();
}
