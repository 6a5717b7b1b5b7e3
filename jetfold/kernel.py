"""Kernels to take away: jets of an elementwise function as a callable and as source."""

from __future__ import annotations

import importlib
import inspect
import os
import tempfile
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import sympy as sp

from jetfold.arrays import AnyArray, as_operand
from jetfold.backends.cpu.cache import load_source as load_cpu_source
from jetfold.backends.cpu.threads import thread_count
from jetfold.backends.cuda.arrays import library_of, on_gpu
from jetfold.backends.cuda.assembly import compile_ptx
from jetfold.backends.cuda.device import require_gpu, require_package
from jetfold.backends.cuda.modules import load_source as load_cuda_source
from jetfold.checks import choose, whole
from jetfold.graph import ArgumentError
from jetfold.kernel_module import jet_of, module_text, renamed
from jetfold.primitive import CustomPrimitive, as_primitive, parameter
from jetfold.rules.primitives import Default
from jetfold.rules.taylor_rule import TaylorRule, derive_rule

BACKENDS = ("cpu", "cuda")
DTYPES = ("float32", "float64")


class Kernel:
    """The coefficients of a function along a path, as a compiled function; made by `kernel`.

    Called with the coefficients of the arguments, then with the parameters, by position or by name,
    it returns the coefficients of the result; all are unscaled derivatives. Arrays broadcast as in
    NumPy and are cast to the kernel's dtype. ``inspect.signature`` tells the names. Parameters that
    have a default may be left out here, though not in the source.

    A kernel for "cuda" also takes arrays on the GPU. They are read where they are, so they have the
    shape of all points, the kernel's dtype and C order; the results are arrays of CuPy or PyTorch
    if the first such argument is, else numba's.

    In a collapsed kernel the coefficients between the first and the last have an axis for
    directions in front of those for points; the last ones are sums over the directions.

    Attributes
    ----------
    equations : the formulas, in SymPy, one for each coefficient of the result.
    source : the text of a module that needs numba and NumPy alone, and has a check of its own.
    device : its function of one point, ``NAME_jet_at``, to be called in numba code of your own:
        from functions under ``@njit``, or under ``@cuda.jit`` for the backend "cuda". A collapsed
        one fills in the coefficients that have a value for each direction: they come last among
        its arguments.
    """

    def __init__(
        self,
        rule: TaylorRule,
        backend: str,
        dtype: np.dtype[Any],
        directions: int | None,
        defaults: tuple[Default, ...] = (),
    ) -> None:
        self.rule = rule
        self.backend = backend
        self.dtype = dtype
        self.defaults = defaults
        self.jet = jet_of(rule, directions)
        self.source = module_text(rule, self.jet, backend, dtype)
        self.__name__ = self.__qualname__ = f"{self.jet.name}_jet"
        self.__doc__ = "\n\n".join((*self.jet.about, "\n".join(self.jet.formulas)))
        names = [argument.name for argument in self.jet.arguments]
        coefficients = len(names) - len(defaults)
        self.__signature__ = inspect.Signature(
            [
                *(parameter(name, None) for name in names[:coefficients]),
                *map(parameter, names[coefficients:], defaults),
            ]
        )

    @property
    def equations(self) -> list[sp.Eq]:
        return self.rule.equations

    @property
    def device(self) -> Any:
        return getattr(self._module, f"{self.jet.name}_jet_at")

    @cached_property
    def _module(self) -> ModuleType:
        if self.backend == "cpu":
            return load_cpu_source(self.source, self.dtype)
        return load_cuda_source(self.source)

    # Calls ----------------------------------------------------------------------------------------

    def __call__(self, *arguments: Any, **named: Any) -> tuple[Any, ...]:
        given = self._bind(arguments, named)
        self._check_shapes(
            {name: as_operand(value, name, self.backend) for name, value in given.items()}
        )
        run = getattr(self._module, self.__name__)
        if self.backend == "cpu":
            results = run(*given.values(), threads=thread_count())
            return tuple(result[()] for result in results)
        require_gpu()
        try:
            results = run(*given.values())
        except ValueError as error:  # an array on the GPU of another shape or dtype
            raise ArgumentError(f"{self.__name__}: {error}") from None
        owners = [library_of(value) for value in given.values() if on_gpu(value)]
        return tuple(_handed_over(result, *owners[:1]) for result in results)

    def _bind(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        try:
            bound = self.__signature__.bind(*arguments, **named)
        except TypeError as error:
            raise ArgumentError(f"{self.__name__}{self.__signature__}: {error}") from None
        bound.apply_defaults()
        return dict(bound.arguments)

    def _check_shapes(self, arrays: dict[str, AnyArray]) -> None:
        """Raise `ArgumentError` for arrays that do not fit together."""
        varying = {name for name in self.jet.varying if name in arrays}
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        counts = {arrays[name].shape[:1] for name in varying}
        wanted = self.jet.directions
        if varying and (() in counts or (0,) in counts or len(counts) > 1):
            raise ArgumentError(
                f"{_listed(varying)} of {self.__name__} must have one axis of directions in front, "
                f"of the same length, 1 or more; the shapes are {shapes}"
            )
        if varying and wanted is not None and counts != {(wanted,)}:
            raise ArgumentError(
                f"the kernel {self.__name__} was made for {wanted} directions, which is what the "
                f"first axis of {_listed(varying)} must have; the shapes are {shapes}"
            )
        try:
            np.broadcast_shapes(*(array.shape[name in varying :] for name, array in arrays.items()))
        except ValueError:
            behind = " behind that of directions" if varying else ""
            raise ArgumentError(
                f"the arguments of {self.__name__} do not broadcast: {shapes}; as in NumPy, sizes "
                f"along an axis{behind} must be equal or 1"
            ) from None

    # Taking it away -------------------------------------------------------------------------------

    def ptx(self, cc: tuple[int, int] = (9, 0)) -> str:
        """The kernel of the source as PTX for a compute capability; no GPU is needed.

        Its arguments are numba's arrays, with one axis for the points, in C order. Raises
        `ArgumentError` for the backend "cpu" and for a capability that does not exist, and
        `BackendError` where numba-cuda is missing.
        """
        if self.backend != "cuda":
            raise ArgumentError(f'{self!r} has no PTX; make it with backend="cuda"')
        given: object = cc
        if not isinstance(given, tuple) or [type(part) for part in given] != [int, int]:
            raise ArgumentError(f"cc is {cc!r}; it must be a pair, such as (9, 0) for sm_90")
        require_package()
        from numba.cuda.cudadrv.error import CCSupportError

        function = getattr(self._module, f"{self.jet.name}_kernel").py_func
        try:
            return compile_ptx(function, self._signature(), cc)
        except CCSupportError as error:
            raise ArgumentError(f"there can be no PTX for cc={cc}: {error}") from None

    def _signature(self) -> Any:
        from numba import from_dtype, types

        element = from_dtype(self.dtype)
        return types.void(*(types.Array(element, 1 + v.varies, "C") for v in self.jet.values))

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the source to a file; the path.

        Raises `ArgumentError` if there is one already, unless ``overwrite``, or if it cannot be
        written. The file appears as a whole or not at all.
        """
        return write(path, self.source, overwrite)

    # Looking at it --------------------------------------------------------------------------------

    def __repr__(self) -> str:
        options = [f"order {self.rule.order}", self.backend, self.dtype.name]
        options += ["collapsed"] * self.rule.collapsed
        return f"<kernel {self.__name__}{self.__signature__}: {', '.join(options)}>"

    def __str__(self) -> str:
        return "\n".join(self.jet.formulas)

    def _repr_latex_(self) -> str:
        return self.rule.latex()

    def __reduce__(self) -> Any:
        options = (self.backend, self.dtype, self.jet.directions, self.defaults)
        return Kernel, (self.rule, *options)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _handed_over(result: Any, owner: str = "numpy") -> Any:
    """A result as an array of the library whose array was given on the GPU."""
    if owner == "numpy":
        return result[()]
    makers = {"cupy": "asarray", "torch": "as_tensor"}
    if owner not in makers:
        return result
    from numba import cuda

    cuda.default_stream().synchronize()  # the library may work on another one
    return getattr(importlib.import_module(owner), makers[owner])(result)


def write(path: str | os.PathLike[str], text: str, overwrite: bool) -> Path:
    """Write a text to a file, as a whole or not at all. Raises `ArgumentError`."""
    try:
        target = Path(path)
        place = target.resolve()  # what a link points to is replaced, and not the link
    except (TypeError, ValueError):
        raise ArgumentError(f"{path!r} is no path of a file; give one as a string") from None
    try:
        if place.is_dir():
            raise ArgumentError(f"{target} is a folder; give the name of a file")
        if place.exists() and not place.is_file():
            raise ArgumentError(f"{target} is a device or a pipe; give the name of a file")
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".jetfold.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, 0o644)
            if overwrite:
                os.replace(temporary, place)
            else:
                os.link(temporary, place)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except FileExistsError:
        raise ArgumentError(
            f"there is a file {target} already; give another name, or overwrite=True (--overwrite)"
        ) from None
    except OSError as error:
        raise ArgumentError(f"{target} cannot be written: {error.strerror or error}") from error
    return target


def kernel(
    what: str | np.ufunc | CustomPrimitive | sp.Expr,
    order: int = 2,
    *,
    backend: str = "cpu",
    collapsed: bool = False,
    directions: int | None = None,
    dtype: Any = "float64",
) -> Kernel:
    """A compiled function for the jets of an elementwise function, and its source to take away.

        gelu = jf.kernel("gelu", order=2)           # or an expression in SymPy
        y_0, y_1, y_2 = gelu(x_0, x_1, x_2)         # d^k/dt^k gelu(x(t)) at t = 0
        gelu.save("gelu_jet.py")                    # runs with numba and NumPy alone

    Parameters
    ----------
    what : a primitive by its name, as `jetfold.primitive` gave it, or an expression in SymPy, whose
        symbols are the arguments, sorted by name.
    order : of the highest coefficient, 1 or more.
    backend : "cpu" (numba) or "cuda" (numba.cuda). The source, the PTX and the saved file of a CUDA
        kernel need no GPU; calling it does.
    collapsed : push many directions at once, with the sum over directions in place of the highest
        coefficient. The coefficients between have an axis for directions in front.
    directions : how many there will be, for loops of a length that the compiler knows.
    dtype : "float32" or "float64".

    Returns
    -------
    A `Kernel`.

    Raises
    ------
    ArgumentError for an unknown name (with the nearest ones), an expression that cannot be computed
    or is finite nowhere, an order below 1 or without a derivative, and options that cannot be.
    BackendError, when a CUDA kernel is called, for a missing package, driver or GPU.
    """
    highest = whole(order, "the order of a kernel", 1)
    chosen = choose(backend, BACKENDS, "backend", {"gpu": "cuda"})
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    precision = np.dtype(choose(name, DTYPES, "dtype"))
    if directions is not None:
        whole(directions, "directions", 1)
        if not collapsed:
            raise ArgumentError("directions are those of a collapsed kernel; give collapsed=True")
    primitive = as_primitive(what)
    rule = derive_rule(renamed(primitive, highest), highest, bool(collapsed))
    return Kernel(rule, chosen, precision, directions, primitive.defaults)
