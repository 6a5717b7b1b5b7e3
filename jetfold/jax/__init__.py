"""At home in JAX: functions and operators cross over in both directions.

    import jetfold.jax

    u = jetfold.jax.from_jax(f)                       # f(x, *params) in jax.numpy, for one point
    jf.laplacian(u)(X, params)                        # u is traced by jetfold as a NumPy function

    lap = jetfold.jax.operator(jf.laplacian, f)       # called on jax arrays, inside jit and grad
    jax.grad(lambda p: jnp.mean(lap(X, p) ** 2))(params)

Read `imported` for the first (the tables of primitives are beside it) and `operators` for the
second. Needs the extra ``jetfold[jax]``.
"""

try:
    import jax  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise ModuleNotFoundError(
        "jetfold.jax needs JAX, which is not installed: python -m pip install 'jetfold[jax]'",
        name="jax",
    ) from None

from jetfold.jax.imported import from_jax
from jetfold.jax.operators import operator

__all__ = ["from_jax", "operator"]
