"""Which method answers which question."""

from collections.abc import Callable

from pollux.errors import ModelError, UnknownName
from pollux.kernel.closed_form import closed_form
from pollux.kernel.equal_steps import equal_steps
from pollux.kernel.simulation import Simulation, adaptive, rosenbrock
from pollux.kernel.stiff import by_need
from pollux.kernel.task import Task

Method = Callable[[Task, int], Simulation]

METHODS: dict[str, Method] = {
    "adaptive": adaptive,
    "rosenbrock": rosenbrock,
    "fixed": equal_steps,
    "closed form": closed_form,
}


def choose(task: Task, method: str) -> Method:
    """The method of this name; "auto": the closed form where the model is linear, else explicit or Rosenbrock steps."""
    if method == "auto":
        return closed_form if task.compiled.linear is not None else by_need
    if method not in METHODS:
        raise UnknownName(f"there is no method '{method}'", advice=f"There are: auto, {', '.join(METHODS)}.")
    if method == "closed form" and task.compiled.linear is None:
        raise ModelError(
            "the model has no closed form: its equations are not linear in the states, or depend on time",
            where=task.compiled.model.name,
            advice='Use method="auto".',
        )
    return METHODS[method]
