"use strict";

/** What the step did: its rule, the expression before and after, the certificate. */
function showStep(model, place) {
  const panel = document.getElementById("step");
  const chapter = model.chapter(place);
  const step = model.step(place);
  const count = chapter.steps.length;
  const where = step
    ? `${chapter.title} · step ${place.step} of ${count}`
    : `chapter ${place.c + 1} of ${model.chapters.length}`;
  panel.replaceChildren(
    html("p", { class: "where" }, where),
    html("h2", {}, step ? step.title : chapter.title),
  );
  if (step) {
    if (step.about) panel.append(prose(step.about));
    const rule = model.rule(step);
    if (rule) panel.append(showRule(model, rule));
    panel.append(...showSides(model, step, chapter));
  } else {
    panel.append(prose(chapter.about));
    if (chapter.runs)
      panel.append(
        html("p", { class: "note" }, "The graph at the end of this chapter is the one that runs."),
      );
    const steps = count ? `${count} ${count === 1 ? "step" : "steps"}: go on with → or j. ` : "";
    const boxes = "Point at a box, or go to it with Tab and arrow keys, to see what it is.";
    panel.append(html("p", { class: "note" }, steps + boxes));
  }
  const certificate = step ? step.certificate : chapter.certificate;
  if (certificate) panel.append(showCertificate(model, certificate, chapter));
}

function prose(markup) {
  const block = html("div", { class: "prose" });
  block.innerHTML = markup;
  return block;
}

function showRule(model, rule) {
  const block = html("div", { class: "rule" });
  block.append(formula(model.formula(rule.algebra)));
  if (rule.file) block.append(html("p", { class: "file" }, `${rule.file}:${rule.line}`));
  return block;
}

function showSides(model, step, chapter) {
  const found = [];
  // The steps of Taylor mode and of an adjoint do not rewrite: they say what becomes of a value.
  let words = ["before", "after"];
  if (!Object.keys(step.nodes).length) {
    const made = chapter.key === "adjoint" ? "what it hands on" : "its coefficients";
    words = step.before === null ? ["wanted", "computed as"] : ["value", made];
  }
  for (const [side, place] of [
    [words[0], step.lhs],
    [words[1], step.rhs],
  ]) {
    const markup = model.formula(place);
    if (!markup) continue;
    const label = html("p", { class: "side" }, side);
    found.push(html("div", { class: "expression" }, label, formula(markup)));
  }
  return found;
}

// Certificates -----------------------------------------------------------------------------------

function showCertificate(model, certificate, chapter) {
  const fails = certificate.holds === false;
  const block = html("div", { class: fails ? "certificate fails" : "certificate" });
  block.append(html("h3", {}, fails ? "This step does not hold" : "Why it holds"));
  const list = html("ul");
  for (const [verdict, title, words] of verdicts(certificate, chapter)) {
    const sign = { true: "✓", false: "✗", null: "–" }[String(verdict)];
    const row = html("li", { class: `verdict ${verdict}` });
    row.append(html("span", { class: "sign", "aria-hidden": "true" }, sign));
    row.append(html("span", {}, html("b", {}, title), ` ${words}`));
    list.append(row);
  }
  block.append(list);
  const identity = model.formula(certificate.identity || null);
  if (identity) {
    const details = html(
      "details",
      {},
      html("summary", {}, "the identity that was proved"),
      formula(identity),
    );
    details.addEventListener("toggle", () => fitFormulas(details));
    block.append(details);
  }
  for (const remark of certificate.remarks ?? [])
    block.append(html("p", { class: "note" }, remark));
  return block;
}

/** [true, false or null (not tried), what was checked, the outcome in plain words]. */
function verdicts({ exact, symbolic, roundoff }, { key }) {
  const products = key === "adjoint" || key === "call";
  const both = products ? "inner products with random velocities" : "graphs";
  const exactly = {
    true: `both ${both} give the same fractions at random rational points.`,
    false: `the ${both} give different fractions at random rational points.`,
    null: "not checked in fractions.",
  };
  const symbolically = {
    true: "SymPy proves the identity of both sides.",
    false: "SymPy finds that both sides differ.",
    null: "SymPy was not asked, or could not tell.",
  };
  const rows = [
    [exact ?? null, "Exact:", exactly[String(exact ?? null)]],
    [symbolic ?? null, "Symbolic:", symbolically[String(symbolic ?? null)]],
  ];
  if (typeof roundoff === "number") {
    const words =
      roundoff === 0
        ? "in float64 both sides are equal to the last bit."
        : `in float64 both sides differ by at most ${short(roundoff)} ε (ε = 2.2·10⁻¹⁶).`;
    rows.push([true, "Round-off:", words]);
  }
  return rows;
}

function short(value) {
  return value >= 100 || value < 0.01
    ? value.toExponential(1)
    : String(Number(value.toPrecision(2)));
}

// Nodes ------------------------------------------------------------------------------------------

/**
 * The details of a node, if there is one. ``kept``: the reader has chosen it; ``stopped``: why its
 * sum stopped (HTML); ``elsewhere``: what became of it in the generated source.
 */
function showNode(model, record, kept, { stopped, elsewhere }) {
  const panel = document.getElementById("node");
  panel.classList.toggle("kept", Boolean(record && kept));
  panel.hidden = !record;
  if (!record) return;
  const head = html(
    "h2",
    {},
    html("span", { class: `dot ${record.kind}` }),
    `${record.number} · ${record.title.join(" ")}`,
  );
  const type = html("p", { class: "type" }, record.type);
  panel.replaceChildren(head, type, prose(record.meaning));
  const markup = model.formula(record.formula);
  if (markup) panel.append(formula(markup));
  if (record.source) {
    const { file, line, text } = record.source;
    panel.append(html("p", { class: "file" }, `${file}:${line}`));
    if (text) panel.append(html("pre", {}, text));
  }
  if (stopped) panel.append(prose(stopped));
  if (elsewhere) {
    panel.append(html("p", { class: "note" }, `In the generated source: ${elsewhere}.`));
  }
  fitFormulas(panel);
}
