"""Conditioning ensembles on scalar readings as compiled code: what `ensemble.assimilate` does, for one twin or many.

Imported when first needed, since numba takes a while. No twin reads another: its result is the same to the bit alone or
among others, and in any thread.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from pollux.kernel.kept_code import keep


def _jit(function: Callable[..., Any]) -> Callable[..., Any]:
    flags = {"contract", "nsz", "arcp"}
    kept: Callable[..., Any] = keep(njit(cache=True, nogil=True, error_model="numpy", fastmath=flags)(function))
    return kept


# One wide function: numba keeps it in one loop and takes arrays one by one, not in a dataclass.
@_jit
def condition(  # type: ignore[no-untyped-def]
    first, last, members, predicted, reading, variance, slow_first, slow_last, relaxation, result, innovation, sd
):  # fmt: skip
    """Twins `first` to `last` of `members` (T, n, V); `predicted` (T, n); the rest (T,). Columns of relaxed spread."""
    count, columns = members.shape[1], members.shape[2]
    centre, gain = np.empty(columns), np.empty(columns)
    before, after = np.empty(columns), np.empty(columns)
    observed = np.empty(count)
    for twin in range(first, last):
        expected = 0.0
        for i in range(count):
            expected += predicted[twin, i]
        expected /= count
        spread = 0.0
        for i in range(count):
            observed[i] = predicted[twin, i] - expected
            spread += observed[i] * observed[i]
        spread /= count - 1
        total = spread + variance[twin]
        for v in range(columns):
            centre[v] = gain[v] = before[v] = after[v] = 0.0
        for i in range(count):
            for v in range(columns):
                centre[v] += members[twin, i, v]
        for v in range(columns):
            centre[v] /= count
        for i in range(count):
            for v in range(columns):
                gain[v] += observed[i] * (members[twin, i, v] - centre[v])
        for v in range(columns):
            gain[v] /= (count - 1) * total
        off = reading[twin] - expected
        shrink = 1.0 / (1.0 + np.sqrt(variance[twin] / total))
        for i in range(count):
            for v in range(columns):
                apart = members[twin, i, v] - centre[v]
                known = apart - shrink * observed[i] * gain[v]
                before[v] += apart * apart
                after[v] += known * known
                result[twin, i, v] = known
        for v in range(columns):
            before[v] = (
                1.0
                if v < slow_first or v >= slow_last
                else 1.0
                + relaxation
                * (np.sqrt(before[v] / count) - np.sqrt(after[v] / count))
                / max(np.sqrt(after[v] / count), 1e-12)
            )
            centre[v] += gain[v] * off
        for i in range(count):
            for v in range(columns):
                result[twin, i, v] = centre[v] + before[v] * result[twin, i, v]
        innovation[twin] = off
        sd[twin] = np.sqrt(total)
