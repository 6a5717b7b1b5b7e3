"""Nested parameters: dicts, lists, tuples and namedtuples of anything, taken apart and put back.

``None`` is a tree without leaves; whatever is not a container is a leaf. Dicts are taken in the
order of their sorted keys, so that two dicts with equal items have equal structures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jetfold.graph.errors import ArgumentError

Kind = Literal["leaf", "none", "dict", "list", "tuple"] | type[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Structure:
    """The shape of a tree: its containers and their keys, without the leaves.

    ``kind`` is a namedtuple's class where there is one; ``keys`` are a dict's sorted keys.
    """

    kind: Kind
    keys: tuple[Any, ...] = ()
    children: tuple[Structure, ...] = ()

    @property
    def leaves(self) -> int:
        """How many leaves a tree of this structure has."""
        return 1 if self.kind == "leaf" else sum(child.leaves for child in self.children)

    def paths(self, root: str = "") -> list[str]:
        """The expressions that give the leaves, such as ``params["layers"][0]["W"]``."""
        match self.kind:
            case "leaf":
                return [root]
            case "dict":
                steps = [f"[{_quoted(key)}]" for key in self.keys]
            case "none" | "list" | "tuple":
                steps = [f"[{i}]" for i in range(len(self.children))]
            case named:
                steps = [f".{name}" for name in _fields(named)]
        pairs = zip(steps, self.children, strict=True)
        return [path for step, child in pairs for path in child.paths(root + step)]

    def __str__(self) -> str:
        inside = [str(child) for child in self.children]
        match self.kind:
            case "leaf":
                return "*"
            case "none":
                return "None"
            case "dict":
                pairs = zip(self.keys, inside, strict=True)
                return "{" + ", ".join(f"{key!r}: {child}" for key, child in pairs) + "}"
            case "list":
                return "[" + ", ".join(inside) + "]"
            case "tuple":
                return "(" + ", ".join(inside) + (",)" if len(inside) == 1 else ")")
            case named:
                pairs = zip(_fields(named), inside, strict=True)
                return f"{named.__name__}({', '.join(f'{name}={child}' for name, child in pairs)})"

    def __repr__(self) -> str:
        return f"<structure {self}>"


LEAF = Structure("leaf")
NONE = Structure("none")


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a tree, and the structure from which `unflatten` builds it again."""
    leaves: list[Any] = []
    return leaves, _collect(tree, leaves)


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The tree of this structure with these leaves."""
    if len(leaves) != structure.leaves:
        raise ArgumentError(
            f"the structure {structure} has {structure.leaves} leaves, but {len(leaves)} were given"
        )
    return _build(structure, iter(leaves))


def paths(tree: Any, root: str = "") -> list[str]:
    """The expressions that give the leaves of a tree called ``root``, in the order of `flatten`."""
    return flatten(tree)[1].paths(root)


def _collect(tree: Any, leaves: list[Any]) -> Structure:
    if tree is None:
        return NONE
    if isinstance(tree, dict):
        keys = _sorted(tree)
        return Structure("dict", keys, tuple(_collect(tree[key], leaves) for key in keys))
    if isinstance(tree, (list, tuple)):
        children = tuple(_collect(child, leaves) for child in tree)
        if isinstance(tree, list):
            return Structure("list", (), children)
        return Structure(type(tree) if hasattr(tree, "_fields") else "tuple", (), children)
    leaves.append(tree)
    return LEAF


def _build(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure.kind == "leaf":
        return next(leaves)
    children = [_build(child, leaves) for child in structure.children]
    match structure.kind:
        case "none":
            return None
        case "dict":
            return dict(zip(structure.keys, children, strict=True))
        case "list":
            return children
        case "tuple":
            return tuple(children)
        case named:
            return named(*children)


def _quoted(key: Any) -> str:
    return json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)


def _sorted(tree: dict[Any, Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(tree))
    except TypeError:
        kinds = sorted({type(key).__name__ for key in tree})
        raise ArgumentError(
            f"the keys of a dict of parameters cannot be sorted (they are {', '.join(kinds)}); "
            "use keys of one type, for example strings"
        ) from None


def _fields(named: Any) -> tuple[str, ...]:
    fields: tuple[str, ...] = named._fields
    return fields
