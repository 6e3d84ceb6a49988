"""Published numbers and outside results that doses, drug models and their calibration must give."""

import csv
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from pollux.calibration.individual import estimate
from pollux.calibration.population import Objective, objective
from pollux.calibration.posterior import Posterior, Reading
from pollux.evidence.claim import Claim
from pollux.models.drugs import library
from pollux.plans import Dose, Regimen
from pollux.plans.event_records import subjects

NONMEM = "a NONMEM 7.5.1 run of the phenobarbital example, as shipped with pharmpy"
POSOLOGYR = "individual estimates of Monolix and posologyr, as restated in posologyr's tests and vignettes"
COLIN = "Colin et al. 2019, doi:10.1007/s40262-018-0727-5 (abstract)"
JUNG = "Jung et al. 2024, doi:10.1002/psp4.13053, as restated in nlmixr2lib"
NEEDS = "needs the outside data"


def claims() -> list[Claim]:
    """What NONMEM, Monolix and papers say, and Pollux computes."""
    goti, pheno, colin, jung = (
        "vancomycin-goti-2018", "phenobarbital", "vancomycin-colin-2019", "clopidogrel-jung-2024"
    )  # fmt: skip
    found = [
        Claim(
            "phenobarbital in 59 newborns: FOCE-I objective at the run's estimates", NONMEM, 586.27605628520962, 1e-4,
            partial(_run, lambda o: o.value), pheno, NEEDS,
        ),
        Claim(
            "phenobarbital in 59 newborns: largest difference of an individual eta", NONMEM, 0.0, 1e-5,
            partial(_run, _largest_eta_difference), pheno, NEEDS,
        ),
        Claim(
            "vancomycin clearance at 35 years, 70 kg, creatinine 0.83 mg/dL, L/h", COLIN, 4.10, 0.01,
            partial(_individual, colin, "CL", PMA=35 * 52 + 40.0, SCR=0.83, WT=70.0), colin,
        ),
        Claim(
            "platelet reactivity without drug", JUNG, 212.67, 0.01,
            lambda: _individual(jung, "kin", CYP2C19_IM=0.0, CYP2C19_PM=0.0)
            / _individual(jung, "kout", CYP2C19_IM=0.0, CYP2C19_PM=0.0),
            jung,
        ),
    ]  # fmt: skip
    for phenotype, share in (("normal", 0.120), ("intermediate", 0.071), ("poor", 0.034)):
        found.append(
            Claim(
                f"share of clopidogrel that becomes the active metabolite, CYP2C19 {phenotype} metabolisers", JUNG,
                share, 5e-4, partial(_active_share, phenotype), jung,
            )
        )  # fmt: skip
    for what, expected in (("eta_CL", 0.08208), ("eta_V1", 0.06122), ("eta_V2", 0.06286)):
        found.append(
            Claim(
                f"vancomycin, patient B: {what}", POSOLOGYR, expected, 1e-3 * expected, partial(_patient_b, what), goti
            )
        )
    for day, area in ((0, 337.8963), (1, 325.3071)):
        found.append(
            Claim(
                f"vancomycin, patient B: area under the curve of day {day + 1}, mg·h/L", POSOLOGYR, area, 1e-3 * area,
                partial(_area_of_day, day), goti,
            )
        )  # fmt: skip
    return found


def _individual(model: str, parameter: str, **covariates: float) -> float:
    return library()[model].individual(covariates=covariates)[parameter]


def _active_share(phenotype: str) -> float:
    im, pm = float(phenotype == "intermediate"), float(phenotype == "poor")
    share = library()["clopidogrel-jung-2024"].individual(covariates={"CYP2C19_IM": im, "CYP2C19_PM": pm})
    return share["fm1"] * share["fm2"]


@cache
def _b() -> tuple[Posterior, dict[str, float], np.ndarray]:
    doses = [Dose(0.0, 2000.0, duration=2.0), Dose(24.2, 1000.0, duration=2.0)]
    asked = Posterior(
        library()["vancomycin-goti-2018"], Regimen(doses, {"CRCL": 65.0, "WT": 70.0}),
        [Reading(13.0, 12.0), Reading(48.0, 9.5)],
    )  # fmt: skip
    found = estimate(asked)
    return asked, found.values, found.posterior.mean


def _patient_b(what: str) -> float:
    return _b()[1][what]


def _area_of_day(day: int) -> float:
    asked, _, z = _b()
    times = np.arange(24.0 * day, 24.0 * (day + 1) + 1e-9, 0.005)
    return float(np.trapezoid(asked.predictions(z, times)[0], times))


@cache
def _folder() -> Path | None:
    root = os.environ.get("POLLUX_REFERENCE")
    path = Path(root or "") / "pharmacology" / "pheno_nonmem"
    return path if root and path.exists() else None


@cache
def _newborns() -> Objective | None:
    folder = _folder()
    if folder is None:
        return None
    with (folder / "pheno.dta").open() as file:
        rows = list(csv.DictReader(file, delimiter=" ", skipinitialspace=True))
    people = subjects(rows, {1: "iv"}, {"WT": "WGT", "APGR": "APGR"})
    model = library()["phenobarbital"]
    return objective(
        [Posterior(model, p.regimen, [Reading(t, v) for t, v in zip(p.times, p.values, strict=True)]) for p in people]
    )


def _run(measure: Callable[[Objective], float]) -> float | None:
    found = _newborns()
    return None if found is None else measure(found)


def _largest_eta_difference(found: Objective) -> float:
    folder = _folder()
    assert folder is not None
    lines = [line.split() for line in (folder / "pheno.phi").read_text().splitlines()[2:]]
    theirs = np.array([[float(line[2]), float(line[3])] for line in lines])
    ours = np.array([[fit.values["eta_CL"], fit.values["eta_V"]] for fit in found.fits])
    return float(np.abs(ours - theirs).max())
