"""Populations with known answers: NONMEM's objective, and simulated people whose parameters are known."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pollux.calibration.individual import estimate
from pollux.calibration.population import objective
from pollux.calibration.posterior import Posterior, Reading
from pollux.equations import (
    Input,
    LogNormal,
    LogNormalError,
    Model,
    Normal,
    Output,
    Parameter,
    Proportional,
    Route,
    State,
)
from pollux.plans.event_records import Subject, subjects

Z90 = 1.6448536269514722


def phenobarbital() -> Model:
    """The model and the estimates of the reference run (NONMEM 7.5.1): TVCL, TVV, the effect of APGR < 5, ω², σ²."""

    def clearance(p: Any, u: Any) -> Any:
        return 0.00469555 * u.WGT * np.exp(p.eta_CL)

    def volume(p: Any, u: Any) -> Any:
        return 0.984258 * u.WGT * np.where(u.APGR < 5.0, 1.15892, 1.0) * np.exp(p.eta_V)

    return Model(
        "phenobarbital", "1", "Phenobarbital in newborns", [State("A", "mg", "amount")],
        [
            Parameter("eta_CL", "1", "of clearance", Normal(0.0, 0.0293508**0.5), "reference run"),
            Parameter("eta_V", "1", "of volume", Normal(0.0, 0.0279060**0.5), "reference run"),
        ],
        [Input("WGT", "kg", "weight", usual=None), Input("APGR", "1", "Apgar score", usual=None)],
        [Output("C", "mg/L", "concentration")],
        derivative=lambda t, x, p, u: {"A": -clearance(p, u) / volume(p, u) * x.A},
        observe=lambda t, x, p, u: {"C": x.A / volume(p, u)},
        routes=[Route("iv", "A")], residuals={"C": Proportional(0.013241**0.5)}, time_unit="h",
    )  # fmt: skip


def posteriors(model: Model, people: list[Subject]) -> list[Posterior]:
    return [
        Posterior(model, s.regimen, [Reading(t, v) for t, v in zip(s.times, s.values, strict=True)]) for s in people
    ]


@pytest.mark.reference
def test_the_objective_and_etas_of_a_nonmem_run_are_found_again(reference: Path) -> None:
    folder = reference / "pharmacology/pheno_nonmem"
    lines = [line.split() for line in (folder / "pheno.dta").read_text().splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    people = subjects(rows, covariates={"WGT": "WGT", "APGR": "APGR"})
    found = objective(posteriors(phenobarbital(), people))
    phi = [line.split() for line in (folder / "pheno.phi").read_text().splitlines()[2:]]
    assert len(people) == len(phi) == 59
    assert found.value == pytest.approx(586.27605628520962, abs=1e-4)
    assert found.each == pytest.approx([float(row[-1]) for row in phi], abs=1e-3)
    etas = np.array([[fit.values["eta_CL"], fit.values["eta_V"]] for fit in found.fits])
    assert etas == pytest.approx(np.array([[float(row[2]), float(row[3])] for row in phi]), abs=1e-5)


# The medians that simulated people scatter around, with sd 0.3; the error is log-normal with sd 0.2, as the
# skew of the residuals at the true values shows.
TYPICAL = {"CL": 4.0, "V": 70.0, "V1": 70.0, "KA": 1.0, "Q": 4.0, "V2": 50.0, "VM": 1000.0, "KM": 250.0}
SETS = {
    "Bolus_1CPT": ("CL", "V"),
    "Bolus_1CPTMM": ("VM", "KM", "V"),
    "Oral_1CPT": ("CL", "V", "KA"),
    "Infusion_2CPT": ("CL", "V", "Q", "V2"),
    "Oral_2CPT": ("CL", "V1", "Q", "V2", "KA"),
}


def compartments(names: tuple[str, ...], residual: float) -> Model:
    """One or two compartments, with or without a depot, linear or saturable: whatever the parameters say."""
    deep, depot = "Q" in names, "KA" in names
    volume = "V1" if "V1" in names else "V"

    def rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        C = x.A / getattr(p, volume)
        change = {"A": u.rate - (p.CL * C if "CL" in names else p.VM * C / (p.KM + C))}
        if depot:
            change |= {"D": -p.KA * x.D, "A": change["A"] + p.KA * x.D}
        if deep:
            across = p.Q * (C - x.B / p.V2)
            change |= {"B": across, "A": change["A"] - across}
        return change

    return Model(
        "simulated", "1", "As simulated", [State(s, "ug", "amount") for s in ("A", *"D" * depot, *"B" * deep)],
        [Parameter(n, "1", "as simulated", LogNormal(TYPICAL[n], 0.3), "nlmixr2data") for n in names],
        [Input("rate", "ug/h", "infusion")], [Output("C", "ug/L", "concentration")],
        derivative=rates, observe=lambda t, x, p, u: {"C": x.A / getattr(p, volume)},
        routes=[Route("dose", "D" if depot else "A", input="rate")], residuals={"C": LogNormalError(residual)},
        time_unit="h",
    )  # fmt: skip


@pytest.mark.reference
@pytest.mark.parametrize("name", SETS)
def test_people_who_were_simulated_are_found_again(reference: Path, name: str) -> None:
    """90 % intervals hold 90 % of the true values (± 3 standard errors), and geometric means agree within 8 %."""
    with (reference / f"pharmacology/population/{name}.csv").open() as file:
        rows = [r | {"SS": r["SS"].replace("99", "0")} if "SS" in r else r for r in csv.DictReader(file)]
    names = SETS[name]
    truth = {r["ID"]: [float(r[n]) for n in names] for r in rows}
    people = subjects(rows)[: 120 if name != "Bolus_1CPTMM" else 40]
    fits = [estimate(p) for p in posteriors(compartments(names, 0.2), people)]
    assert all(fit.converged for fit in fits)
    true = np.log([truth[person.id] for person in people])
    mean = np.log([[fit.values[n] for n in names] for fit in fits])
    sd = 0.3 * np.array([fit.posterior.sd for fit in fits])
    assert np.abs(np.exp((mean - true).mean(axis=0)) - 1.0).max() < 0.08
    covered = (np.abs(true - mean) < Z90 * sd).mean(axis=0)
    assert np.abs(covered - 0.9).max() < 3.0 * np.sqrt(0.09 / len(people)), covered
