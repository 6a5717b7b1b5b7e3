"""Formulas as MathML, which browsers draw themselves: no script, no font to load."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from jetfold.mathml import mathml


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    writer.body.append(_converted(node, "inline"))
    raise nodes.SkipNode


def block(writer: HTML5Translator, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math">{_converted(node, "block")}</div>')
    raise nodes.SkipNode


def _converted(node: nodes.Element, display: str) -> str:
    # latex2mathml knows the environment of a paragraph, not the one inside of $$.
    latex = node.astext().replace("{aligned}", "{align*}")
    try:
        return mathml(latex, display)
    except Exception as error:  # of many kinds
        raise ValueError(f"{node.source}:{node.line}: no MathML for {latex}") from error


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
