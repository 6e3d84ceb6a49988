"""A rehearsal for any model, made by itself: who is asked, what is given, and when it is measured."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from pollux.calibration.posterior import Posterior, Reading
from pollux.equations import Additive, Fixed, Model
from pollux.equations.model import TIME_UNITS, Named
from pollux.kernel import compile, simulate
from pollux.models import catalogue
from pollux.models.glucose.minimal import MINIMAL
from pollux.models.glucose.uva_padova import UVA_PADOVA, virtual_patients
from pollux.plans import Dose, Regimen

# Of a made-up adult. A model whose covariates are not here fails the battery with their names.
COVARIATES = {
    "WT": 70.0, "AGE": 50.0, "SEX": 1.0, "HT": 172.0, "BSA": 1.83, "CRCL": 90.0, "EGFR": 90.0, "SCR": 0.9, "ALB": 4.0,
    "PMA": 2700.0, "HCT": 38.0, "PF": 250.0, "APGR": 8.0, "ADULT": 1.0, "DAILY_DOSE": 900.0, "PROGRAF": 1.0,
    "CLI": 450.0, "V1I": 550.0, "V2I": 900.0, "CYP2C9_2": 0.0, "CYP2C9_3": 0.0, "VKORC1_G": 1.0, "CYP2C19_IM": 0.0,
    "CYP2C19_PM": 0.0, "CYP2C19_LOF": 0.0, "CYP3A5": 0.0, "GSTA1_RM": 0.0, "GSTA1_PM": 0.0,
}  # fmt: skip
DOSES = 2
READINGS = 8
TOLERANCE = 1e-5  # of truths and fits alike; the errors of measurement are hundreds of times as large, and more

# Models of glucose take meals and insulin as inputs, and state no error of measurement.
MEALS = {"meal": [(0.0, 0.0), (60.0, 5.0), (72.0, 0.0), (300.0, 5.0), (312.0, 0.0)]}
GLUCOSE: dict[str, tuple[str, tuple[str, ...], dict[str, object]]] = {
    MINIMAL.name: ("cgm_glucose", ("SI", "SG", "kabs"), {**MEALS, "insulin": 0.9}),
}


@dataclass(frozen=True, eq=False)
class Design:
    """A model to be learned, what is given, and what is measured when."""

    model: Model
    regimen: Regimen
    times: tuple[float, ...]
    output: str
    varying: tuple[str, ...]

    def posterior(self, readings: list[Reading]) -> Posterior:
        return Posterior(self.model, self.regimen, readings, varying=self.varying, tolerance=TOLERANCE)

    def simulated(self, z: np.ndarray, rng: np.random.Generator) -> list[Reading]:
        """Readings of a truth, with the model's own error."""
        blank = self.posterior([Reading(t, 1.0, self.output) for t in self.times])
        exact = blank.predictions(z[None, :], np.array(self.times), self.output)[0]
        values = self.model.residuals[self.output].draw(exact, rng)
        return [Reading(t, float(v), self.output) for t, v in zip(self.times, values, strict=True)]


def covariates(model: Model) -> dict[str, float]:
    missing = [i.name for i in model.inputs if i.usual is None and i.name not in COVARIATES]
    assert not missing, (
        f"{model.name} asks for {missing}: say in tests/battery/designs.py what they are in the made-up adult"
    )
    return {i.name: COVARIATES[i.name] for i in model.inputs if i.usual is None}


def basal(model: Model) -> dict[str, float]:
    """Inputs under which a model of glucose rests."""
    return {"insulin": virtual_patients()["adult#001"]["basal_rate"]} if model is UVA_PADOVA else {}


@cache
def speeds(name: str) -> tuple[float, float]:
    """The slowest and the fastest rate at the start of a typical person, from the eigenvalues of the Jacobian."""
    model = catalogue()[name]
    compiled = compile(model)
    p = compiled.parameter_matrix({})[0]
    given = covariates(model)
    u = np.array([given.get(i.name, i.usual or 0.0) for i in model.inputs])
    x = compiled.start(p[None, :], u)[0] + 1e-3
    rates = compiled.program.rates

    def f(x: np.ndarray) -> np.ndarray:
        return np.array(compiled.program.evaluate(rates, 1.0, x, p, u), dtype=float)

    jacobian = np.array([(f(x + h) - f(x - h)) / (2 * h.sum()) for h in np.diag(1e-6 * (1.0 + np.abs(x)))]).T
    found = np.abs(np.linalg.eigvals(jacobian))
    found = found[found > 1e-6 * found.max()]
    return float(found.min()), float(found.max())


@cache
def design(name: str) -> Design:
    model = catalogue()[name]
    if name in GLUCOSE:
        output, varying, given = GLUCOSE[name]
        whole = replace(model, residuals={output: Additive(5.0)})
        return Design(whole, Regimen([], given), tuple(np.arange(30.0, 480.0, 15.0)), output, varying)  # type: ignore[arg-type]
    slow, fast = speeds(name)
    longest = min(4.0 / slow, 60.0 * 24.0 * 60.0 / TIME_UNITS[model.time_unit])
    first = min(0.3 / fast, 0.05 * longest)
    output = next(iter(model.residuals))
    doses = dosing(model, _amount(model, output, longest), longest)
    lag = model.medians().get("tlag", 0.0)  # nothing is to be seen before it
    times = tuple(float(t) for t in lag + np.geomspace(first, longest, READINGS))
    varying = tuple(p.name for p in model.parameters if not isinstance(p.prior, Fixed))
    return Design(model, Regimen(doses, covariates(model)), times, output, varying)


def dosing(model: Model, amount: float, longest: float) -> list[Dose]:
    """The same on every route: a short infusion where there can be one, as long as the model says where it does."""
    found = []
    for route in model.routes:
        p, u = (
            Named(k, dict(v))
            for k, v in (("parameter", model.medians()), ("input", {i.name: i.usual or 1.0 for i in model.inputs}))
        )
        stated = set(route.kinetics(p, u)) if route.kinetics else set[str]()
        how: Mapping[str, object] = {}
        if "duration" in stated or "rate" in stated:
            how = {"modelled": "duration" if "duration" in stated else "rate"}
        elif route.input:
            how = {"duration": 0.02 * longest}
        found.append(Dose(0.0, amount, route.name, additional=DOSES - 1, interval=longest / DOSES, **how))  # type: ignore[arg-type]
    return found


def _amount(model: Model, output: str, longest: float) -> float:
    """A dose after which the error of measurement is small beside the change of what is measured."""
    times = np.linspace(0.0, longest, 60)
    amount = 1.0
    for _ in range(40):
        course = [
            simulate(model, {}, Regimen(dosing(model, a, longest), covariates(model)), times).outputs[output][0]
            for a in (0.0, amount)
        ]
        change = np.abs(course[1] - course[0]).max()
        error = 1.0 / np.sqrt(model.residuals[output].information(np.array(course[1].max() + 1e-300)))
        if change > 2.5 * error or change == 0.0:
            return amount
        amount *= 3.0
    return amount


def names() -> list[str]:
    return list(catalogue())


def learnable() -> list[str]:
    """Models with something to learn and an error of measurement."""
    return [
        n
        for n, m in catalogue().items()
        if n in GLUCOSE or (m.residuals and any(not isinstance(p.prior, Fixed) for p in m.parameters))
    ]
