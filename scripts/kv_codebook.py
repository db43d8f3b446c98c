#!/usr/bin/env python3
"""The 16 levels of the q4_0 cache (kernels/attention/coded.h), and what they lose.

Keys and values are rotated (Hadamard), which makes them nearly Gaussian, and cut into groups: of 4
(keys) and 16 (values), for which levels found on groups of 8 do within 3 % of their own. A group's
level 0 is where its largest magnitude lands, sign included, so the levels need not be symmetric.
Lloyd's iteration on Gaussian groups finds them; each round refits a group's scale by least squares,
as the kernel does once. Prints the levels and the mean squared error of unit variance, beside a
uniform grid scaled by the largest magnitude of 32 (the usual 4-bit block)."""

from __future__ import annotations

import numpy as np

GROUP, LEVELS, AMPLITUDE, ROUNDS, SAMPLES = 8, 16, 127, 60, 60_000


def nearest(x: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Index of the nearest of the ascending levels."""
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, x)


def encode(x: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(codes, scales) of groups [n, GROUP]: by the largest magnitude, then by least squares."""
    largest = x[np.arange(len(x)), np.abs(x).argmax(1)][:, None]
    scale = largest / levels[0]
    codes = nearest(x / scale, levels)
    chosen = levels[codes]
    refit = (x * chosen).sum(1, keepdims=True) / (chosen * chosen).sum(1, keepdims=True)
    codes_refit = nearest(x / refit, levels)
    before = ((x - chosen * scale) ** 2).sum(1, keepdims=True)
    after = ((x - levels[codes_refit] * refit) ** 2).sum(1, keepdims=True)
    better = after < before
    return np.where(better, codes_refit, codes), np.where(better, refit, scale)


def main() -> None:
    x = np.random.default_rng(1).standard_normal((SAMPLES, GROUP))
    levels = np.linspace(-1.0, 0.875, LEVELS)
    for _ in range(ROUNDS):
        codes, scale = encode(x, levels)
        weight = (scale * scale) * np.ones_like(x)
        total = np.bincount(codes.ravel(), (weight * (x / scale)).ravel(), LEVELS)
        levels = total / np.bincount(codes.ravel(), weight.ravel(), LEVELS)
        levels /= -levels[0]
    rounded = np.round(levels * AMPLITUDE)
    codes, scale = encode(x, rounded)
    print("levels:", [int(v) for v in rounded])
    print(f"mean squared error: {((x - rounded[codes] * scale) ** 2).mean():.5f}")
    blocks = x.reshape(-1, 32)
    step = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(1)][:, None] / -8
    grid = np.clip(np.floor(blocks / step + 8.5), 0, 15) - 8
    print(f"uniform, 32 a scale: {((blocks - grid * step) ** 2).mean():.5f}")


if __name__ == "__main__":
    main()
