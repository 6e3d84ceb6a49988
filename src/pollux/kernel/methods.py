"""Which method answers which question."""

from collections.abc import Callable

from pollux.errors import UnknownName
from pollux.kernel.simulation import Simulation, Task, adaptive

Method = Callable[[Task, int], Simulation]

METHODS: dict[str, Method] = {"adaptive": adaptive}


def choose(task: Task, method: str) -> Method:
    """The method of this name; "auto" takes the closed form where the model is linear."""
    if method == "auto":
        method = "adaptive"
    if method not in METHODS:
        raise UnknownName(f"there is no method '{method}'", advice=f"There are: auto, {', '.join(METHODS)}.")
    return METHODS[method]
