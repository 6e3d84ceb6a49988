"""What wanders in every member of an ensemble, as compiled code: the disturbance and the sensor's error, one slot on.

Imported when first needed, since numba takes a while.
"""

from collections.abc import Callable
from typing import Any

from numba import njit

from pollux.kernel.kept_code import keep


def _jit(function: Callable[..., Any]) -> Callable[..., Any]:
    flags = {"contract", "nsz", "arcp"}
    kept: Callable[..., Any] = keep(njit(cache=True, nogil=True, error_model="numpy", fastmath=flags)(function))
    return kept


# Wide, because numba takes arrays one by one, not in a dataclass.
@_jit
def wander(members, shocks, disturbance, keep, push, error, transition, added):  # type: ignore[no-untyped-def]
    """Twins' `members` (T, n, V), in place, by standard-normal `shocks` (T, n, 3).

    The column `disturbance` d ← keep d + push ξ₃, `push` (T,); the two columns from `error` on e ← transition e + added
    (ξ₁, ξ₂), (2, 2) each.
    """
    for twin in range(members.shape[0]):
        for i in range(members.shape[1]):
            first, second = members[twin, i, error], members[twin, i, error + 1]
            one, two = shocks[twin, i, 0], shocks[twin, i, 1]
            for k in range(2):
                members[twin, i, error + k] = (
                    transition[k, 0] * first + transition[k, 1] * second + added[k, 0] * one + added[k, 1] * two
                )
            members[twin, i, disturbance] = keep * members[twin, i, disturbance] + push[twin] * shocks[twin, i, 2]
