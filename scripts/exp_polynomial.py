#!/usr/bin/env python3
"""Prints the constants of src/kernels/vector/exp.h.

e^r = 1 + r + r² (c2 + c3 r + … + c6 r⁴) on |r| ≤ ln(2)/2, least maximum relative error, by Lawson's
iteration (least squares, reweighted by the error). Needs mpmath.
"""
from mpmath import cos, exp, log, lu_solve, matrix, mp, mpf, nstr, pi
import struct

mp.dps = 40
TERMS = 5
POINTS = 300
ROUNDS = 60


def to_f32(value):
    return mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def hex_f32(value):
    return float(to_f32(value)).hex()


def relative_error(coefficients, r):
    polynomial = sum(c * r ** (k + 2) for k, c in enumerate(coefficients))
    return abs((1 + r + polynomial) / exp(r) - 1)


def fit():
    limit = log(2) / 2 * mpf("1.0001")
    points = [limit * cos(pi * (i + mpf("0.5")) / POINTS) for i in range(POINTS)]
    basis = [[r ** (k + 2) / exp(r) for k in range(TERMS)] for r in points]
    target = [1 - (1 + r) / exp(r) for r in points]
    weights = [mpf(1)] * POINTS
    best = None
    for _ in range(ROUNDS):
        normal, right = matrix(TERMS, TERMS), matrix(TERMS, 1)
        for w, row, t in zip(weights, basis, target):
            for i in range(TERMS):
                right[i] += w * row[i] * t
                for j in range(TERMS):
                    normal[i, j] += w * row[i] * row[j]
        coefficients = list(lu_solve(normal, right))
        errors = [relative_error(coefficients, r) for r in points]
        worst = max(errors)
        if best is None or worst < best[0]:
            best = (worst, coefficients)
        weights = [w * (e / worst + mpf("0.01")) for w, e in zip(weights, errors)]
        total = sum(weights)
        weights = [w / total for w in weights]
    return best[1], points


def main():
    coefficients, points = fit()
    rounded = [to_f32(c) for c in coefficients]
    for k, c in enumerate(rounded):
        print(f"c{k + 2} = {hex_f32(c)}")
    worst = max(relative_error(rounded, r) for r in points)
    print("largest relative error: 2^" + nstr(log(worst, 2), 5))
    print("log2(e) =", hex_f32(1 / log(2)))
    high = to_f32(log(2))
    print("ln(2) =", hex_f32(high), "+", hex_f32(log(2) - high))


if __name__ == "__main__":
    main()
