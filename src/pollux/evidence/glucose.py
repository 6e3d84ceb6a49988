"""Published numbers about the glucose models and metrics."""

import csv
import os
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pollux.evidence.claim import Claim
from pollux.kernel import Schedule, compile, simulate
from pollux.models.glucose.uva_padova import UVA_PADOVA, meal_signals, virtual_patients
from pollux.record.glycaemia import metrics_of

Array = NDArray[np.float64]

SIMGLUCOSE = "simglucose 0.2.11 (MIT), github.com/jxx123/simglucose, with its vpatient_params.csv"
GMI = "Bergenstal et al., Diabetes Care 2018;41:2275, doi:10.2337/dc18-1581 (its table read as restated elsewhere)"
IGLU = "iglu 0.4.3 (Python), results on its five example people"
UVA = f"{UVA_PADOVA.name} {UVA_PADOVA.version}"
METRICS = "metrics of sensor glucose"

# Peak plasma glucose [mg/dL] and its minute: 50 g eaten at 5 g/min from t = 0, basal insulin, one-minute output.
MEAL_50G = {
    "adult#001": (212.849, 247.0),
    "adult#008": (188.247, 169.0),
    "adolescent#001": (193.409, 207.0),
    "adolescent#007": (339.284, 96.0),
    "child#003": (370.718, 109.0),
    "child#008": (547.278, 170.0),
}
# Basal plasma insulin [pmol/L] stated in the table of virtual patients; Pollux computes it from the equations at rest.
BASAL_INSULIN = {"adolescent#001": 97.554, "adolescent#002": 119.18, "adolescent#003": 101.28}
# Mean sensor glucose [mg/dL] and the GMI [%] printed beside it.
GMI_TABLE = {100.0: 5.7, 150.0: 6.9, 200.0: 8.1, 250.0: 9.3, 350.0: 11.7}
# Mean, per cent in 70-180 and GMI of two of the example people.
PEOPLE = {"Subject 1": (123.666, 91.664, 6.268), "Subject 2": (218.453, 26.440, 8.535)}


def claims() -> list[Claim]:
    """All claims of this file, the cheap ones first."""
    found = [
        Claim(
            "30 virtual patients are at rest under basal insulin: largest derivative at the start",
            SIMGLUCOSE, 0.0, 5e-5, largest_rate_at_rest, UVA, "any state, in its unit per minute",
        ),
        Claim(
            "30 virtual patients hold their glucose for 24 h of basal insulin: largest drift, mg/dL",
            SIMGLUCOSE, 0.0, 0.01, largest_drift, UVA,
        ),
    ]  # fmt: skip
    for name, (peak, minute) in MEAL_50G.items():
        told = f"{name} after 50 g of glucose without a bolus"
        found.append(Claim(f"{told}: peak, mg/dL", SIMGLUCOSE, peak, 0.1, partial(meal_peak, name, 0), UVA))
        found.append(Claim(f"{told}: minute of the peak", SIMGLUCOSE, minute, 1.0, partial(meal_peak, name, 1), UVA))
    for name, insulin in BASAL_INSULIN.items():
        found.append(
            Claim(
                f"{name}: basal plasma insulin, pmol/L", SIMGLUCOSE, insulin, 0.01, partial(insulin_at_rest, name), UVA,
                "computed from the equations at rest, not read from the table",
            )
        )  # fmt: skip
    for mean, gmi in GMI_TABLE.items():
        measure = partial(_gmi, mean)
        found.append(Claim(f"GMI at a mean of {mean:g} mg/dL, %", GMI, gmi, 0.05, measure, METRICS, "printed to 0.1"))
    for person, numbers in PEOPLE.items():
        for k, what in enumerate(("mean", "in range 70-180", "GMI")):
            read = partial(_person, person, what)
            found.append(Claim(f"{person}: {what}", IGLU, numbers[k], 0.001, read, METRICS, "needs the outside data"))
    return found


def largest_rate_at_rest() -> float:
    """The largest |dx/dt| of any virtual patient at its start under its basal rate."""
    body, worst = compile(UVA_PADOVA), 0.0
    for values in virtual_patients().values():
        parameters = body.parameter_matrix(values)
        inputs = np.array([0.0, 0.0, values["basal_rate"]])
        state = body.start(parameters, inputs)
        rates = body.program.evaluate(body.program.rates, 0.0, state.T, parameters.T, inputs[:, None])
        worst = max(worst, max(float(np.max(np.abs(rate))) for rate in rates))
    return worst


@cache
def _basal_day() -> Array:
    return _glucose(meals=False)


@cache
def _meal_day() -> Array:
    return _glucose(meals=True)


def _glucose(meals: bool) -> Array:
    people = virtual_patients()
    signals = meal_signals([(0.0, 50_000.0)], 1440.0) if meals else {}
    schedules = [
        Schedule.of(UVA_PADOVA, 0.0, 1440.0, signals=signals, base={"insulin": v["basal_rate"]})
        for v in people.values()
    ]
    parameters = {name: np.array([v[name] for v in people.values()]) for name in next(iter(people.values()))}
    answer = simulate(UVA_PADOVA, parameters, schedules, np.arange(0.0, 1441.0), tolerance=1e-7)
    return answer.outputs["plasma_glucose"]


def largest_drift() -> float:
    """The largest distance from the start within 24 h at basal insulin [mg/dL]."""
    glucose = _basal_day()
    return float(np.max(np.abs(glucose - glucose[:, :1])))


def meal_peak(name: str, what: int) -> float:
    """The peak after 50 g [mg/dL] (`what` 0) or its minute (1)."""
    glucose = _meal_day()[list(virtual_patients()).index(name)]
    return float(glucose.max()) if what == 0 else float(glucose.argmax())


def insulin_at_rest(name: str) -> float:
    """Plasma insulin of a virtual patient under its basal rate [pmol/L]."""
    values = virtual_patients()[name]
    body = compile(UVA_PADOVA)
    parameters, inputs = body.parameter_matrix(values), np.array([0.0, 0.0, values["basal_rate"]])
    output = body.observe(body.start(parameters, inputs), parameters, inputs)
    return float(output[0, UVA_PADOVA.output_names.index("plasma_insulin")])


def _gmi(mean: float) -> float:
    return metrics_of([mean])["GMI"]


def _person(person: str, what: str) -> float | None:
    readings = _people().get(person)
    return None if readings is None else metrics_of(readings)[what]


@cache
def _people() -> dict[str, list[float]]:
    root = os.environ.get("POLLUX_REFERENCE")
    path = Path(root or "") / "glucose" / "example_data_5_subject.csv"
    if not root or not path.exists():
        return {}
    people: dict[str, list[float]] = {}
    with path.open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            people.setdefault(row["id"], []).append(float(row["gl"]))
    return people
