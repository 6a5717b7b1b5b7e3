"""The CUDA backend: a loop program as numba.cuda kernels, on NVIDIA GPUs."""
