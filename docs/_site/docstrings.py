"""Docstrings of jetfold as reStructuredText.

They are written to be read in a terminal: what a parameter is stands behind its name, code is
indented, stars and bars are products and absolute values, and a name between backticks is a link
where there is something to link to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

SECTION = re.compile(r"^-{3,}$")
LISTS = ("Parameters", "Attributes")
ITEM = re.compile(r"\w+(, \w+)* : ")
PLAIN = re.compile(r"(`+[^`]*`+)|([*|]|_\b)")


def to_rst(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = _converted(lines)


def _converted(lines: list[str]) -> Iterator[str]:
    for title, body in _sections(lines):
        if title in LISTS:
            yield from (f":{title}:", *_items(body))
        elif title:
            yield from _paragraph(f":{title}: ", body)
        else:
            yield from _text(body)
        yield ""


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each section's title and its lines; text that is in none has the title "".

    A section ends before a blank line that is followed by text that is not indented.
    """
    title, body = "", list[str]()
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and SECTION.match(lines[i + 1]):
            yield title, body
            title, body = line, []
        elif SECTION.match(line):
            continue
        elif title and body and not body[-1] and line:  # the first line of another paragraph
            yield title, body
            title, body = "", [line]
        else:
            body.append(line)
    yield title, body


def _escaped(line: str) -> str:
    """Characters outside of backticks mean themselves."""
    return PLAIN.sub(lambda found: found[1] or "\\" + found[2], line)


def _items(body: list[str]) -> Iterator[str]:
    for line in map(_escaped, body):
        names, colon, rest = line.partition(" : ")
        if not line or line.startswith("    "):
            yield "  " + line
        elif colon:
            yield f"    * **{names}**: {rest}"
        else:
            raise ValueError(f"no name of a parameter: {line}")


def _paragraph(start: str, body: list[str]) -> Iterator[str]:
    first, *others = map(_escaped, body)
    yield start + first
    yield from ("    " + line if line else "" for line in others)


def _text(body: list[str]) -> Iterator[str]:
    """Indented paragraphs are code, and those that begin with ``name : `` are lists of fields."""
    code = fields = False
    for i, line in enumerate(body):
        begins = i == 0 or not body[i - 1]
        indented = line.startswith("    ")
        if begins and indented and not code:
            yield from (".. code-block:: python", "")
        if begins and ITEM.match(line):
            yield ":Attributes:"
        if begins and line:
            code, fields = indented, ITEM.match(line) is not None
        if fields:
            yield from _items([line])
        else:
            yield line if code else _escaped(line)


def signature(
    app: Sphinx,
    what: str,
    name: str,
    thing: Any,
    options: Any,
    takes: str | None,
    gives: str | None,
) -> tuple[str | None, str | None]:
    """Classes whose objects come from a function of the face do not show how they are made.

    And Sphinx writes `Callable[..., Any]`, which it has as a string, in another way.
    """
    if what == "class" and not name.startswith(("jetfold.graph.", "jetfold.Cuda")):
        return "", None
    return takes and takes.replace("[[...], ", "[..., "), gives


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element
) -> nodes.Node | None:
    """Names in docstrings and signatures: of whatever module; those not in the reference stay."""
    if node.get("refdomain") != "py":
        return None
    found = env.domains.python_domain.find_obj(env, "", "", node["reftarget"], None, 1)
    known = [(name, target) for name, target in found if not target.aliased]
    if len(known) != 1:
        return text
    ((name, target),) = known
    return make_refnode(app.builder, node["refdoc"], target.docname, target.node_id, text, name)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", to_rst)
    app.connect("autodoc-process-signature", signature)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
