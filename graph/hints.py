"""What to do instead of what cannot be traced."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

ORDER = "An order of values differs from point to point; np.maximum and np.minimum can be traced."
POSITION = "A position that depends on values is not known yet; select with np.where(mask, a, b)."
MATRIX = "Of matrix functions np.linalg.inv, solve, slogdet and det can be traced."
TEST = "Test the data before the call, or select with np.where and a comparison."
IN_PLACE = "Nothing can be changed in place; use np.where(mask, new, old) or np.concatenate."
FOURIER = "A function with real results that is made of it is linear: see jf.linear_primitive."
ANYTHING = "Write it in elementary functions of NumPy, or define it in SymPy with jf.primitive."

# For functions and methods that many programs contain.
HINTS = {
    **dict.fromkeys(("sort", "argsort", "partition", "argpartition", "median", "quantile"), ORDER),
    **dict.fromkeys(
        ("argmax", "argmin", "nonzero", "argwhere", "unique", "searchsorted"), POSITION
    ),
    **dict.fromkeys(("cholesky", "eig", "eigh", "eigvalsh", "qr", "svd", "pinv", "lstsq"), MATRIX),
    **dict.fromkeys(("fft", "ifft", "rfft", "irfft", "fft2", "ifft2", "fftn", "ifftn"), FOURIER),
    **dict.fromkeys(("isnan", "isfinite", "isinf", "nan_to_num", "isclose", "allclose"), TEST),
    **dict.fromkeys(("put", "put_along_axis", "place", "putmask", "copyto", "fill"), IN_PLACE),
    "linspace": "Write start + np.linspace(0, 1, n) * (stop - start).",
}


def hint(name: str, supported: Iterable[str]) -> str:
    """What to use in place of a function or method of this name."""
    if name in HINTS:
        return HINTS[name]
    near = difflib.get_close_matches(name, sorted(set(supported)), n=3, cutoff=0.6)
    return f"Near by are: {', '.join(near)}." if near else ANYTHING
