"""The page of a derivation as text: what it holds, what is escaped, where it is written."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import jetfold as jf
from explorer_cases import Data, data_of, derivation, parsed
from jetfold.demo_functions import hydrogen
from jetfold.explorer import page
from jetfold.explorer.data import page_data
from messages import message_of


class Reader(HTMLParser):
    """What a browser finds: elements with their attributes, texts of elements without markup."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style", "title"):
            self.open = tag
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self.open = "" if tag == self.open else self.open

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open][-1] += data


def data_in(text: str) -> Data:
    """The data that a page holds."""
    reader = Reader(text)
    scripts = [attributes for tag, attributes in reader.elements if tag == "script"]
    (place,) = [i for i, attributes in enumerate(scripts) if attributes.get("id") == "derivation"]
    raw = reader.texts["script"][place]
    if scripts[place]["data-encoding"] == "gzip-base64":
        return parsed(gzip.decompress(base64.b64decode(raw)).decode())
    assert scripts[place]["data-encoding"] == "json"
    return parsed(raw)


def test_the_page_holds_everything() -> None:
    """One file with the data, the style and the scripts; nothing is loaded from elsewhere."""
    text = page(derivation("collapsed"))
    assert data_in(text) == data_of("collapsed")
    reader = Reader(text)
    for tag, attributes in reader.elements:
        assert tag not in ("img", "iframe", "object", "embed", "base", "audio", "video")
        assert not attributes.keys() & {"src", "srcset", "data", "action"}
        assert (attributes.get("href") or "#").startswith(("#", "data:"))
    styles = "".join(reader.texts["style"])
    assert not re.search(r"@import|url\((?!['\"]?(data:|#))", styles)
    assert reader.texts["title"] == ["Laplacian(layers)"] or "Laplacian" in reader.texts["title"][0]
    assert "Permission is hereby granted" in text  # the licence of the library that lays out


def test_the_same_page_for_the_same_derivation() -> None:
    """In another process, too, where sets have another order."""
    program = """
import numpy as np, jetfold as jf, sys
from jetfold.demo_functions import hydrogen
from jetfold.explorer import page
sys.stdout.buffer.write(page(jf.laplacian(hydrogen).derivation(np.ones(3), 1.0)).encode())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "12"},
        stdout=subprocess.PIPE,
        check=True,
    )
    text = page(jf.laplacian(hydrogen).derivation(np.ones(3), 1.0))
    assert text.encode() == done.stdout


EVIL = "</script><script>alert('<!--')</script>&amp;\u2028\N{SNOWMAN}\\$title \"quoted\""


def test_names_and_lines_are_text() -> None:
    """Names of functions and parameters, and source lines, may hold any signs."""

    def function(x: Any, p: Any) -> Any:
        return np.tanh(x @ p[EVIL]).sum()  # </script><script>alert("<!--")</script> & \N{BULLET}

    function.__qualname__ = EVIL
    found = jf.laplacian(function).derivation(np.ones(2), {EVIL: np.ones((2, 3))})
    text = page(found)
    data = data_in(text)
    assert data == parsed(json.dumps(page_data(found)))
    assert data["title"] == f"Laplacian({EVIL})"
    lines = {r["source"]["text"] for r in data["records"] if r["source"] is not None}
    assert any('</script><script>alert("<!--")</script> &' in line for line in lines)
    plain = Reader(page(derivation("collapsed")))
    found_tags = [tag for tag, _ in Reader(text).elements]
    assert found_tags == [tag for tag, _ in plain.elements]
    told = [told["about"] for told in data["chapters"]]
    told += [record["meaning"] for record in data["records"]] + data["formulas"]
    for part in told:
        tags = {tag for tag, _ in Reader(part).elements}
        assert not tags & {"script", "img", "a"}
        ET.fromstring(f"<div>{part}</div>")


def test_half_a_character_in_a_name() -> None:
    def function(x: Any) -> Any:
        return x @ x

    function.__qualname__ = "half \ud83d"
    text = page(jf.laplacian(function).derivation(np.ones(2)))
    assert data_in(text)["title"] == "Laplacian(half ?)"
    text.encode()


def test_large_data_are_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetfold.explorer.assemble.LARGEST", 1000)
    text = page(derivation("collapsed"))
    assert data_in(text) == data_of("collapsed")
    assert text == page(derivation("collapsed"))


def test_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = derivation("constant")
    path = tmp_path / "derivation.html"
    for _ in range(2):  # an old page is replaced
        found.to_html(path)
        assert path.read_text(encoding="utf-8") == page(found)
    monkeypatch.chdir(tmp_path)
    found.to_html("other.html")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["derivation.html", "other.html"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    found = derivation("constant")
    for path in (tmp_path / "derivation.svg", tmp_path / "derivation"):
        message = message_of(jf.ArgumentError, found.to_html, path)
        assert message == f"cannot write {str(path)!r}: the path has to end in .html"
    path = tmp_path / "missing" / "derivation.html"
    message = message_of(jf.ArgumentError, found.to_html, path)
    assert message == f"cannot write {str(path)!r}: there is no folder {path.parent}"
    (tmp_path / "folder.html").mkdir()
    message = message_of(jf.ArgumentError, found.to_html, tmp_path / "folder.html")
    assert "is a folder" in message
    assert not list(tmp_path.glob("*/*"))
