"use strict";

/** The page: where in the derivation it stands, and everything that shows it. */
class Page {
  constructor(model) {
    this.model = model;
    this.place = model.places[0];
    this.side = "after";
    this.filtered = false;
    this.kept = null;
    this._hovered = null;
    this.folding = new Folding();
    this.layouts = new Layouts(model, this.folding);
    const stage = document.getElementById("graph");
    const world = document.getElementById("world");
    this.drawing = new Drawing(world);
    this.camera = new Camera(stage, world, () => this._showView());
    const go = (place) => this.go(place);
    this.outline = new Outline(model, go);
    this.chart = new Chart(model, go);
    this.listing = new Listing(model, (ids, kept) => this._pointFromLine(ids, kept));
    this.transport = new Transport(model, this);
    this._calm = matchMedia("(prefers-reduced-motion: reduce)");
    const routine = model.places.filter((place) => model.routine(place)).length;
    document.getElementById("filter").disabled = !routine;
    document.getElementById("filter-label").hidden = !routine;
    document.querySelector("#filter-label span").textContent = `hide ${routine} routine`;
    showBlocked(model, (place, node) => {
      this.go(place);
      this.show(node);
    });
    listKeys();
    listenToPointer(this, stage);
    listenToButtons(this);
    listenToKeys(this);
    addEventListener("hashchange", () => this._followHash());
  }

  get glide() {
    return !this._calm.matches;
  }

  // Where the page stands ----------------------------------------------------------------------

  start() {
    this.go(this.model.placeOf(location.hash) ?? this.model.places[0]);
  }

  _followHash() {
    const place = this.model.placeOf(location.hash);
    if (place && place !== this.place) this.go(place);
  }

  /** The places that the reader steps through. */
  get visible() {
    return this.model.places.filter((place) => this.isVisible(place));
  }

  isVisible(place) {
    return !this.filtered || !this.model.routine(place) || place === this.place;
  }

  move(by) {
    const visible = this.visible;
    const next = visible[visible.indexOf(this.place) + by];
    if (next) this.go(next);
  }

  moveTo(at) {
    this.go(this.visible.at(at));
  }

  moveChapter(by) {
    const c = by < 0 && this.place.step ? this.place.c : this.place.c + by;
    if (c >= 0 && c < this.model.chapters.length) this.go(this.model.places[this.model.first[c]]);
  }

  go(place) {
    const began = performance.now();
    if (this.place !== place) this.side = "after";
    this.place = place;
    history.replaceState(null, "", this.model.hash(place));
    if (this.kept !== null && !this.model.graph(place.c, place.step).nodes.has(this.kept))
      this.kept = null;
    this.outline.show(place, (other) => this.isVisible(other));
    this.transport.show(place, this.visible);
    this.chart.show(place, place.step ? this.model.places[place.index - 1] : null);
    showStep(this.model, place);
    this._showGraph(this.glide);
    this._announce();
    // What asks for sizes comes last, when nothing changes any more.
    this.outline.reveal();
    const panel = document.getElementById("step");
    panel.scrollTop = 0;
    fitFormulas(panel);
    performance.measure("jetfold step", { start: began, end: performance.now() });
    this._prepare();
  }

  filter(on) {
    const box = document.getElementById("filter");
    if (box.disabled) return;
    this.filtered = box.checked = on;
    this.outline.show(this.place, (other) => this.isVisible(other));
    this.outline.reveal();
    this.transport.show(this.place, this.visible);
    say(`routine steps ${on ? "hidden" : "shown"}`);
  }

  turn(side = this.side === "after" ? "before" : "after") {
    if (!this._rewrites) return;
    this.side = side;
    this._showGraph(false);
    say(`graph ${side} the step`);
  }

  /** Whether the graph before the last step is another one than that after it. */
  get _rewrites() {
    const step = this.model.step(this.place);
    return step !== null && Object.keys(step.nodes).length > 0;
  }

  // The graph ----------------------------------------------------------------------------------

  _showGraph(glide) {
    const { scene, content, layout, lineage } = this.layouts.at(this.place);
    this.scene = scene;
    const fresh = this._shownLineage !== lineage;
    this.drawing.show(content, layout, this.side, glide && !fresh, lineage);
    this._shownLineage = lineage;
    const old = this._units;
    this._units = content.units;
    const wanted = this._opening ? (unit) => !old.has(unit.key) : changedUnit;
    const changed = boundsOf(content.units, layout.boxes, wanted);
    this.camera.look(layout.bounds, changed, glide && !fresh);
    this._showView();
    showLegend(this.model, scene);
    this._rove();
    this._showChoice();
  }

  /** Lay out what is likely to be asked for next, while nothing else happens. */
  _prepare() {
    clearTimeout(this._waiting);
    const { visible, model } = this;
    const at = visible.indexOf(this.place);
    const chapters = model.first.map((index) => model.places[index]);
    const likely = [visible[at + 1], visible[at - 1], ...chapters].filter(Boolean);
    const next = () => {
      this.layouts.at(likely.shift());
      if (likely.length) this._waiting = setTimeout(next, 50);
    };
    if (likely.length) this._waiting = setTimeout(next, 2 * GLIDE);
  }

  open(key) {
    this.folding.open(this._units.get(key).group);
    this._opening = true;
    this._showGraph(this.glide);
    this._opening = false;
    document.getElementById("graph").focus();
  }

  refold() {
    this.folding.opened.clear();
    this._showGraph(this.glide);
  }

  // Nodes --------------------------------------------------------------------------------------

  /** One box can be reached with Tab: the chosen one, or one that the step changed. */
  _rove(box) {
    const boxes = this.drawing.boxes.filter((element) => element.hasAttribute("tabindex"));
    const focused = boxes.find((element) => element === document.activeElement);
    const chosen =
      box ??
      focused ??
      boxes.find((element) => this.kept !== null && element.dataset.node === String(this.kept)) ??
      boxes.find((element) => element.dataset.sign && !element.classList.contains("ghost")) ??
      boxes[0];
    for (const element of boxes) element.setAttribute("tabindex", element === chosen ? 0 : -1);
  }

  focusNeighbour(box, dx, dy) {
    const next = neighbour(box, this.drawing.boxes, dx, dy);
    if (!next) return;
    this._rove(next);
    next.focus({ preventScroll: true });
    this.camera.reveal(next);
  }

  hover(id) {
    if (this._hovered === id) return;
    this._hovered = id;
    this._showChoice();
  }

  press(box) {
    if (box.dataset.group) this.open(box.dataset.group);
    else if (box.dataset.node) this.keep(Number(box.dataset.node));
  }

  /** Choose a node: its details stay, and the lines that compute it are marked. */
  keep(id) {
    this.kept = id;
    this.listing.choose(-1);
    this._lineNodes = null;
    this._showChoice(true);
    this._rove();
    if (id !== null) say(`details of %${id} stay: ${this._meaning(id)}`);
  }

  /** What a node is and why its sum stopped, if it did, in words. */
  _meaning(id) {
    const record = recordOf(this.scene.nodes.get(id));
    const stopped = this.model.whyStopped(this.place, id);
    const words = prose([record.meaning, stopped].filter(Boolean).join(". "));
    return words.textContent;
  }

  /** Choose a node and go to where it is. */
  show(id) {
    if (this.folding.groups(this.scene).has(id)) {
      this.folding.openLayer(recordOf(this.scene.nodes.get(id)).layer);
      this._showGraph(false);
    }
    this.keep(id);
    const [box] = this.drawing.boxesOf(id);
    if (box) this.camera.reveal(box);
  }

  letGo() {
    this._hovered = null;
    this.keep(null);
  }

  _pointFromLine(ids, kept) {
    if (kept) this._chosenLine = ids;
    this._lineNodes = ids ?? this._chosenLine ?? null;
    this._showChoice();
  }

  _showChoice(scroll = false) {
    if (this.kept !== null) this._chosenLine = null;
    const shown = this._hovered ?? this.kept;
    const node = shown === null ? null : this.scene.nodes.get(shown);
    const linked = this.linked;
    const record = node && (node[this.side] ?? recordOf(node));
    showNode(this.model, record, shown === this.kept, {
      stopped: this.model.whyStopped(this.place, shown),
      elsewhere: linked ? this.listing.elsewhere(shown) : "",
    });
    this.drawing.mark("near", shown === null ? [] : [shown]);
    this.drawing.mark("kept", this.kept === null ? [] : [this.kept]);
    this.drawing.mark("of-line", linked && this._lineNodes ? this._lineNodes : []);
    this.listing.mark(linked ? shown : null, scroll || this._hovered !== null);
  }

  /** Whether numbers of nodes in the source mean nodes of the graph that is shown. */
  get linked() {
    const c = this._sourceChapter;
    return c >= 0 && this.model.lineage(this.place.c) === this.model.lineage(c);
  }

  get _sourceChapter() {
    return this.model.chapters.findIndex((chapter) => chapter.key === this.listing.source?.chapter);
  }

  // Controls -----------------------------------------------------------------------------------

  toggleSource(on = document.getElementById("source").hidden) {
    document.getElementById("source").hidden = !on;
    document.getElementById("show-source").setAttribute("aria-pressed", String(on));
    this._showChoice();
    say(`generated source ${on ? "shown" : "hidden"}`);
    if (on) this.listing.begin();
  }

  goToSource() {
    const c = this._sourceChapter;
    this.go(this.model.places[this.model.first[c] + this.model.chapters[c].steps.length]);
  }

  view(mode) {
    this.camera.set(mode, this.glide);
    say(mode === "whole" ? "whole graph" : "view follows what changes");
  }

  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    press("#theme", (button) => button.dataset.theme === theme);
  }

  nextTheme() {
    const order = ["auto", "light", "dark"];
    const now = document.documentElement.dataset.theme ?? "auto";
    const theme = order[(order.indexOf(now) + 1) % order.length];
    this.setTheme(theme);
    say(`colours ${theme}`);
  }

  help() {
    document.getElementById("help").showModal();
  }

  _showView() {
    press("#side", (button) => button.dataset.side === this.side);
    for (const button of document.querySelectorAll("#side button"))
      button.disabled = !this._rewrites;
    const state = { follow: "follow", whole: "whole" };
    for (const [id, mode] of Object.entries(state)) {
      document.getElementById(id).setAttribute("aria-pressed", String(this.camera.mode === mode));
    }
    document.getElementById("refold").hidden = !this.folding.opened.size;
    document.getElementById("where").textContent = this._caption();
    const c = this._sourceChapter;
    const there = this.linked;
    document.getElementById("source-note").textContent =
      c < 0 ? "" : `of the chapter “${this.model.chapters[c].title}”`;
    document.getElementById("source-go").hidden =
      there && this.place.c === c && this.place.step === this.model.chapters[c].steps.length;
  }

  _caption() {
    const marks = this.model.step(this.place)?.marks;
    if (!marks) return this.model.chapters[this.place.c].title;
    return this._changes((sign, count, words) => `${sign} ${count} ${words}`).join("   ");
  }

  /** How many nodes the last step changed, one text for each kind of change. */
  _changes(tell) {
    const { added, removed, rewired } = this.model.step(this.place).marks;
    const parts = [
      ["+", added, "new"],
      ["−", removed, "gone"],
      ["~", rewired, "rewired"],
    ];
    return parts
      .filter(([, ids]) => ids.length)
      .map(([sign, ids, words]) => tell(sign, ids.length, words));
  }

  _announce() {
    const { model, place } = this;
    const step = model.step(place);
    const counts = model.counts(place);
    const what = step
      ? `Step ${place.step}: ${step.title}`
      : `Chapter ${model.chapter(place).title}`;
    const changes = step ? this._changes((_, count, words) => `${count} ${words}`) : [];
    const costs = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
    say(`${[what, changes.join(", "), costs.join(", ")].filter(Boolean).join(". ")}.`);
  }
}

function say(words) {
  document.getElementById("live").textContent = words;
}

function press(group, wanted) {
  for (const button of document.querySelectorAll(`${group} button`)) {
    button.setAttribute("aria-pressed", String(wanted(button)));
  }
}

function changedUnit(unit) {
  const changed = (node) => Boolean(node.sign || node.about);
  return (unit.node && changed(unit.node)) || unit.pills.some((pill) => changed(pill.node));
}

/** The box nearest to another in a direction. */
function neighbour(box, boxes, dx, dy) {
  const from = centreOf(box);
  let best = null;
  let least = Infinity;
  for (const other of boxes) {
    if (other === box || !other.hasAttribute("tabindex")) continue;
    const to = centreOf(other);
    const along = (to.x - from.x) * dx + (to.y - from.y) * dy;
    const across = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
    if (along < 2) continue;
    const far = along + 2.5 * across;
    if (far < least) [best, least] = [other, far];
  }
  return best;
}

function centreOf(element) {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return { x: (left + right) / 2, y: (top + bottom) / 2 };
}

readData()
  .then((data) => {
    const title = document.getElementById("title");
    title.textContent = title.title = data.title;
    document.getElementById("subtitle").textContent = data.subtitle;
    const page = new Page(new Model(data));
    page.start();
    document.documentElement.dataset.ready = "";
  })
  .catch((error) => {
    document.getElementById("title").textContent = `This page cannot be shown: ${error.message}`;
    throw error;
  });
