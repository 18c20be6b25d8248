"""exp, log, expm1 and log1p that give the same bits on every machine and numpy version.

numpy's own differ in the last bit between AVX-512, AVX2 and arm64. Here is only what IEEE 754
rounds correctly (single +, -, x, /, floor) and integer operations on the bits, each as an array
operation of its own, so that no compiler can fuse a multiplication with an addition.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# ln 2 in two parts: the high one has 32 significant bits, so that its multiples by an exponent
# are exact.
_LN2_HIGH = float.fromhex("0x1.62e42feep-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_PER_LN2 = float.fromhex("0x1.71547652b82fep+0")
_SQRT2 = float.fromhex("0x1.6a09e667f3bcdp+0")
_MANTISSA = np.int64((1 << 52) - 1)
_ONE = np.int64(1023 << 52)
# Taylor of (exp(r) - 1 - r) / r**2 on |r| <= ln(2)/2: the first term left out is under 2**-58.
_EXP_TERMS = [float(Fraction(1, factorial(n))) for n in range(14, 1, -1)]
# Of (log((1 + s)/(1 - s)) - 2s) / (2s) in z = s**2 <= 0.0295: what is left out is under 2**-60.
_LOG_TERMS = [float(Fraction(1, 2 * n + 1)) for n in range(11, 0, -1)]


def exp(x: Floats) -> Floats:
    """e**x, within 2 units of the last place; 0 far below, infinity above 709.78."""
    n, q = _reduced(x)
    return _scaled(1.0 + q, n)


def expm1(x: Floats) -> Floats:
    """e**x - 1 without cancellation near 0."""
    n, q = _reduced(x)
    power = _scaled(np.ones_like(q), n)
    return power * q + (power - 1.0)


def log(x: Floats) -> Floats:
    """The natural logarithm of x > 0 (subnormal x included), within 2 units of the last place."""
    small = x < 2.0**-1000
    bits = (x * np.where(small, 2.0**60, 1.0)).view(np.int64)
    mantissa = ((bits & _MANTISSA) | _ONE).view(np.float64)
    exponent = ((bits >> 52) - 1023).astype(np.float64) - np.where(small, 60.0, 0.0)
    upper = mantissa > _SQRT2
    f = np.where(upper, mantissa * 0.5, mantissa) - 1.0
    exponent = exponent + upper
    s = f / (2.0 + f)
    z = s * s
    twice = 2.0 * s
    return exponent * _LN2_HIGH + (
        twice + (twice * (z * _horner(_LOG_TERMS, z)) + exponent * _LN2_LOW)
    )


def log1p(x: Floats) -> Floats:
    """log(1 + x) for x > -1 without the rounding of 1 + x (corrected by what it lost)."""
    one = 1.0 + x
    return log(one) + (x - (one - 1.0)) / one


def _reduced(x: Floats) -> tuple[Floats, Floats]:
    """n and q with e**x = 2**n (1 + q), |q| < 0.42."""
    # Beyond these bounds the result is 0 or infinity all the same.
    x = np.minimum(np.maximum(x, -800.0), 800.0)
    n = np.floor(x * _PER_LN2 + 0.5)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    return n, r + r * (r * _horner(_EXP_TERMS, r))


def _horner(terms: list[float], x: Floats) -> Floats:
    """The polynomial with `terms` from the highest power down to the constant."""
    total = np.full_like(x, terms[0])
    for term in terms[1:]:
        total *= x
        total += term
    return total


def _scaled(x: Floats, n: Floats) -> Floats:
    """x 2**n, in two steps because 2**n alone may lie outside the range of a double."""
    half = np.floor(n * 0.5)
    with np.errstate(over="ignore", under="ignore"):
        return x * _power_of_two(half) * _power_of_two(n - half)


def _power_of_two(n: Floats) -> Floats:
    return ((n.astype(np.int64) + 1023) << 52).view(np.float64)
