"""An operator shows which linear operators its expression consists of."""

from __future__ import annotations

from typing import Any

import sympy as sp

import jetfold as jf

x, t, nu = sp.symbols("x t nu")
w, p = (sp.Function(name)(x, t) for name in "wp")


def net(point: Any) -> Any:
    return point


def test_functionals_in_sympy() -> None:
    burgers = jf.operator(w.diff(t) + w * w.diff(x) - w.diff(x, 2) / 10, net, (x, t))
    assert list(burgers.functionals.values()) == [w, w.diff(x), w.diff(t) - w.diff(x, 2) / 10]
    (written,) = burgers.residual.expressions
    given = burgers.expressions
    assert sp.expand(written.xreplace(burgers.functionals) - given) == 0


def test_functionals_of_several_fields() -> None:
    expressions = [w.diff(x) * p + nu * p.diff(x, t), w.diff(x) - p.diff(x, t) + 3 * p]
    system = jf.operator(expressions, net, (x, t), fields=(w, p))
    wanted = {w.diff(x), p, p.diff(x, t)}
    assert set(system.functionals.values()) == wanted
    for written, given in zip(system.residual.expressions, expressions, strict=True):
        assert sp.expand(written.xreplace(system.functionals) - given) == 0
