"""What holds in one window of time each, as parameters: differences between occasions, and process noise."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from typing import Any

from pollux.equations.model import Equations, Expression, Model, Named
from pollux.equations.parts import Input, Parameter
from pollux.equations.priors import Normal
from pollux.equations.route import Route


@lru_cache(maxsize=64)
def with_occasions(model: Model, count: int) -> Model:
    """The model with its ``between_occasions`` inputs written out:  κ = Σ_k occasion_k · κ_k,  κ_k ~ N(0, sd²).

    Each such input ``kappa_CL`` becomes the parameters ``kappa_CL_1 … kappa_CL_count``; the inputs ``occasion_1 …`` are
    1 while that occasion lasts and 0 otherwise. A model without such inputs is returned as it is.
    """
    if not model.between_occasions or count < 1:
        return model
    written = _in_windows(model, dict(model.between_occasions), count, "occasion")
    return replace(written, name=f"{model.name}-{count}-occasions", between_occasions={})


@lru_cache(maxsize=64)
def with_slots(model: Model, name: str, count: int) -> Model:
    """The model with a wandering input written out in ``count`` slots:  d = Σ_k slot_k · d_k,  d_k ~ N(0, sd²),

    cor(d_j, d_k) = φ^|j − k|: the wandering itself, not an approximation of it. The inputs are ``<name>_slot_1 …``.
    """
    wander = model.wandering[name]
    written = _in_windows(model, {name: wander.sd}, count, f"{name}_slot")
    pairs = combinations(range(1, count + 1), 2)
    correlations = {(f"{name}_{j}", f"{name}_{k}"): wander.keep ** (k - j) for j, k in pairs}
    return replace(
        written,
        name=f"{model.name}-{name}-{count}",
        correlations={**model.correlations, **correlations},
        wandering={n: w for n, w in model.wandering.items() if n != name},
    )


def _in_windows(model: Model, spreads: dict[str, float], count: int, window: str) -> Model:
    """The model with inputs written out as sums of parameters that hold in one window each."""
    names = tuple(spreads)
    windows = tuple(f"{window}_{k}" for k in range(1, count + 1))

    def whole(p: Any, u: Any) -> Named:
        values: dict[str, Expression] = {n: getattr(u, n) for n in model.input_names if n not in names}
        for name in names:
            terms = [getattr(u, w) * getattr(p, f"{name}_{k}") for k, w in enumerate(windows, start=1)]
            values[name] = sum(terms[1:], terms[0])
        return Named("input", values)

    def during(equations: Equations) -> Equations:
        return lambda t, x, p, u: equations(t, x, p, whole(p, u))

    def on_the_way(route: Route) -> Route:
        given = route.kinetics
        if given is None:
            return route

        def kinetics(p: Any, u: Any) -> Mapping[str, Any]:
            return given(p, whole(p, u))

        return replace(route, kinetics=kinetics)

    begin = model.initial
    inputs = {i.name: i for i in model.inputs}
    return replace(
        model,
        between_occasions={n: sd for n, sd in model.between_occasions.items() if n not in names},
        wandering={n: w for n, w in model.wandering.items() if n not in names},
        parameters=(
            *model.parameters,
            *(
                Parameter(f"{n}_{k}", inputs[n].unit, f"{inputs[n].meaning}, {window} {k}", Normal(0.0, sd), model.name)
                for n, sd in spreads.items()
                for k in range(1, count + 1)
            ),
        ),
        inputs=(
            *(i for i in model.inputs if i.name not in names),
            *(Input(w, "1", f"1 during {window} {k}") for k, w in enumerate(windows, start=1)),
        ),
        derivative=during(model.derivative),
        observe=during(model.observe),
        initial=None if begin is None else lambda p, u: begin(p, whole(p, u)),
        routes=tuple(on_the_way(route) for route in model.routes),
    )
