"""The CPU back end: numba code over tiles of points."""
