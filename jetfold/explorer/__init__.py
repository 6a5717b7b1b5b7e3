"""The derivation explorer: one page to walk through a derivation, step by step.

Read in this order: `data` (everything the page shows), `scene` (a chapter's graph followed from
step to step) with `counts` and `layers`, `records` and `meaning` (what is said about a node),
`steps` (what is said about a step), `about` (what is said about a chapter), `assemble` (one file
out of data, style and scripts).

The scripts, which share one scope; `main.js` is the last:

- from data to what is shown: ``model`` (places, graphs, rules), ``scene`` (the graph before a step
  and after it as one; folding), ``units`` (boxes and arrows), ``layouts`` (layouts that are kept)
  with ``layout`` (places and routes, by dagre), ``ranks``, ``order`` and ``straighten``;
- the graph on the page: ``drawing`` (elements that glide) with ``boxes`` (what is in a box),
  ``camera`` (zoom and pan);
- beside it: ``outline`` (chapters, steps, stopped sums), ``panels`` (a step, a node) with
  ``formulas`` (broken where they are wide), ``chart`` (counts), ``listing`` (generated source);
- hands: ``controls`` (buttons, slider, pointer, legend), ``keys``;
- ``svg`` (elements, paths, motion), ``main`` (the page as a whole).

The data, as JSON in the element ``#derivation`` (``data-encoding`` is "json", or "gzip-base64"
where they are large):

- ``title``, ``subtitle``, ``version``: text.
- ``chapters``: list of ``key``, ``title``, ``about`` (HTML), ``runs`` (its graph is the one that
  runs), ``graph`` (with which the chapter begins: ``nodes``, from node to the place of its record,
  and ``outputs``), ``counts`` (``nodes``, ``vectors``, ``operations``), ``certificate``, ``steps``.
- a step: ``rule`` (place, or null), ``title``, ``before`` and ``after`` (node, or null), ``nodes``
  (what changes: from node to its new record, null where it is gone), ``outputs`` (only where they
  change), ``marks`` (nodes ``removed``, ``added``, ``rewired``, and those that it is ``about``),
  ``lhs`` and ``rhs`` (formulas), ``counts``, ``certificate``, ``routine``, and for some ``about``
  (HTML). Steps without changes say what a value or an output is computed from; they have a
  ``before`` where it is a node of the function.
- ``kinds``: list of ``key`` and ``words`` of the kinds of nodes, for the legend.
- ``records``: list of what is shown of a node. ``formula`` is a formula; ``meaning`` is HTML.
- ``formulas``: list of MathML; all formulas elsewhere are places in this list.
- ``rules``: list of ``name``, ``algebra`` (a formula), ``file``, ``line``.
- ``source``: ``chapter`` (key of the one whose graph it computes), ``lines``, ``nodes`` (a list for
  each line), ``elsewhere`` (what became of nodes without a line: from node to text).
- a certificate, or null: that of `jetfold.graph.certificate`, and whether it ``holds``; its
  ``identity`` is a formula, or null.
- ``blocked``: list of ``chapter``, ``node``, ``below``, ``reason`` (HTML).
"""

from jetfold.explorer.assemble import page, write_page

__all__ = ["page", "write_page"]
