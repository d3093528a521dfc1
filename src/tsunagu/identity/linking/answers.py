"""What people answered about pairs, brought into a model: by how much its weights are to move.

A model learns how much each agreement proves; how many pairs are one person at all it can only
conclude. People who see both records know better, so their answers move the prior, and with it
every weight, and nothing else.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# Without answers the prior is right to one bit, as far as anybody knows: a few answers move little.
_BITS = 1.0
_MOST = 20.0


def shift_of(weights: Floats, same: Flags) -> float:
    """By how many bits the odds of answered pairs are higher than their weights say.

    The intercept of a logistic regression with the weights as its offset and a normal prior around
    0 with a standard deviation of one bit (maximum a posteriori).

    Args:
        weights: of the pairs, as they were without any shift.
        same: whether people called them one person.
    """
    # SciPy takes memory that no process needs which only shows a model.
    from scipy.optimize import brentq

    def slope(shift: float) -> float:
        expected = 1 / (1 + np.exp2(-np.clip(weights + shift, -1000, 1000)))
        return math.log(2) * float((same - expected).sum()) - shift / _BITS**2

    if not len(weights):
        return 0.0
    if slope(_MOST) > 0 or slope(-_MOST) < 0:
        return math.copysign(_MOST, slope(0.0))
    root: Any = brentq(slope, -_MOST, _MOST)
    return float(root)
