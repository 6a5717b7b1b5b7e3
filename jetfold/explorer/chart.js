"use strict";

const COUNTS = [
  ["nodes", "nodes"],
  ["vectors", "vectors"],
  ["operations", "operations"],
];
const CHART = { width: 120, height: 30 };

/** The counts as numbers, and how they change over all places. */
class Chart {
  constructor(model, go) {
    this._model = model;
    this._rows = COUNTS.map(([name, words]) => this._row(name, words, go));
    const body = document.querySelector("#counts > div");
    body.append(...this._rows.map((row) => row.element));
  }

  _row(name, words, go) {
    const { width, height } = CHART;
    const places = this._model.places;
    const values = places.map((place) => this._model.counts(place)?.[name] ?? 0);
    const top = Math.max(...values, 1);
    const x = (i) => (places.length > 1 ? (i * width) / (places.length - 1) : width / 2);
    const y = (value) => height - 2 - (value / top) * (height - 5);
    let line = "";
    let area = "";
    for (let i = 0; i < values.length; i++) {
      const point = `${x(i).toFixed(2)} ${y(values[i]).toFixed(2)}`;
      const step = `H${x(i).toFixed(2)}`;
      line += i ? `${step}L${point}` : `M${point}`;
    }
    area = `${line}V${height}H${x(0)}Z`;
    const chart = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    for (const first of this._model.first.slice(1)) {
      chart.append(
        svg("line", { class: "divider", x1: x(first), x2: x(first), y1: 0, y2: height }),
      );
    }
    const here = svg("line", { class: "here", y1: 0, y2: height });
    chart.append(
      svg("path", { class: "area", d: area }),
      svg("path", { class: "curve", d: line }),
      here,
    );
    const box = html("div", { class: "chart" }, chart, html("span", { class: "point" }));
    box.addEventListener("click", (event) => {
      const { left, width } = box.getBoundingClientRect();
      const at = Math.round(((event.clientX - left) / width) * (places.length - 1));
      go(places[Math.min(Math.max(at, 0), places.length - 1)]);
    });
    const number = html("p", { class: "number", "data-count": name });
    const change = html("span", { class: "change" });
    const label = html("span", { class: "label" }, words);
    const element = html("div", { class: "count" }, html("p", {}, label, change), number, box);
    return { name, element, number, change, here, point: box.lastChild, values, x, y };
  }

  show(place, previous) {
    for (const row of this._rows) {
      const value = row.values[place.index];
      const old = place.step && previous ? row.values[previous.index] : value;
      row.number.textContent = value.toLocaleString("en");
      row.change.textContent =
        value === old
          ? ""
          : `${value < old ? "−" : "+"}${Math.abs(value - old).toLocaleString("en")}`;
      const x = row.x(place.index);
      set(row.here, { x1: x, x2: x });
      row.point.style.left = `${(100 * x) / CHART.width}%`;
      row.point.style.top = `${(100 * row.y(value)) / CHART.height}%`;
    }
  }
}
