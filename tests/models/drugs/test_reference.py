"""The library against outside codings: typical values, variances, and individual estimates with known answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from pollux.calibration.individual import estimate
from pollux.calibration.posterior import Posterior, Reading
from pollux.models.drugs import Drug, library
from pollux.plans import Dose, Regimen

pytestmark = pytest.mark.reference

# Where an entry of the reference table stands in the library, and how the names of its parameters read there.
ENTRIES = {
    "vancomycin_goti2018": ("vancomycin-goti-2018", {"Vc": "V1", "Vp": "V2"}),
    "vancomycin_thomson2009": ("vancomycin-thomson-2009", {"V_per_kg": "V1", "V2_per_kg": "V2", "V": "V1"}),
    "vancomycin_colin2019": ("vancomycin-colin-2019", {"V": "V1"}),
    "tacrolimus_woillard2011": (
        "tacrolimus-woillard-2011", {"Ktr": "ktr", "CLF": "CL", "VcF": "V1", "QF": "Q", "VpF": "V2"}
    ),
    "warfarin_hamberg_kpd_xia2024": ("warfarin-xia-2024", {"EC50": "EC50"}),
    "warfarin_pkpd_oreilly_nlmixr": ("warfarin-oreilly", {"emax": "Emax"}),
    "busulfan_mccune2014": ("busulfan-mccune-2014", {"V": "V1"}),
    "busulfan_nava2018_gsta1": ("busulfan-nava-2018", {}),
    "amikacin_burdet2015": ("amikacin-burdet-2015", {"Vc": "V1", "Vp": "V2"}),
    "amikacin_delattre2010": ("amikacin-delattre-2010", {"Vc": "V1", "Vp": "V2"}),
    "gentamicin_hodiamont2017": ("gentamicin-hodiamont-2017", {"Vc": "V1", "Vp": "V2"}),
    "methotrexate_taylor2020_mtxpk": ("methotrexate-taylor-2020", {}),
    "infliximab_fasanmade2009": ("infliximab-fasanmade-2009", {"Vc": "V1", "Vp": "V2"}),
    "lithium_jin2022": ("lithium-jin-2022", {"CLF": "CL", "VF": "V"}),
    "metformin_li2020": ("metformin-li-2020", {"CLF": "CL", "VF": "V"}),
    "semaglutide_sc_carlssonpetri2018": ("semaglutide-carlsson-petri-2018", {"CLF": "CL", "VF": "V"}),
    "tirzepatide_schneck2024_chigutsa2025": (
        "tirzepatide-schneck-2024",
        {"Vc": "V1", "Vp": "V2", "imax_ffm": "Imax_ffm", "imax_fat": "Imax_fat", "ic50_ffm": "IC50_ffm",
         "ic50_fat": "IC50_fat", "plac_ffm": "placebo_ffm", "plac_fat": "placebo_fat"},
    ),
    "escitalopram_liu2022": ("escitalopram-liu-2022", {"CLF": "CL", "VF": "V"}),
    "clopidogrel_jung2024": ("clopidogrel-jung-2024", {"emax": "Emax", "ec50": "EC50"}),
    "voriconazole_friberg2012": (
        "voriconazole-friberg-2012", {"Vmax1": "Vmax", "V2": "V1", "V3": "V2", "ka_ped": "ka", "alag_adult": "tlag"}
    ),
    "paclitaxel_friberg2002_myelosuppression": ("paclitaxel-friberg-2002", {"SLOPE": "slope"}),
    "piperacillin_roberts2010": ("piperacillin-roberts-2010", {"lag": "tlag"}),
    "daptomycin_dvorchik2004": ("daptomycin-dvorchik-2004", {"Vc": "V1", "Vp": "V2"}),
}  # fmt: skip
# Stated there in another form, or as part of an effect; checked below.
ELSEWHERE = {
    "warfarin_hamberg_kpd_xia2024": {"CL_s1", "CL_s2", "CL_s3", "EC50_G", "EC50_A"},
    "busulfan_mccune2014": {"TM50_wk", "hill"},
    "tirzepatide_schneck2024_chigutsa2025": {"kout_wk", "wane_halflife_wk"},
    "clopidogrel_jung2024": {"fm1", "fm2"},
    "voriconazole_friberg2012": {"logitF", "T50", "logitVmaxinh"},
}


def entries(reference: Path) -> dict[str, dict[str, object]]:
    found = json.loads((reference / "pharmacology/models/popmodels.json").read_text())["models"]
    return {e["id"]: e for e in found if "theta" in e}


def test_every_coded_entry_has_its_model(reference: Path) -> None:
    assert set(ENTRIES) == set(entries(reference))
    assert {name for name, _ in ENTRIES.values()} <= set(library())


@pytest.mark.parametrize("entry", ENTRIES)
def test_typical_values_and_variances_are_those_of_the_codings(reference: Path, entry: str) -> None:
    name, renamed = ENTRIES[entry]
    told = entries(reference)[entry]
    model = library()[name]
    typical = {i.name: i.typical for i in model.individuals}
    theta = dict(told["theta"])  # type: ignore[call-overload]
    if entry == "amikacin_delattre2010":
        theta.pop("slope")
        assert typical["slope"] == 1.42
    for key, value in theta.items():
        if key not in ELSEWHERE.get(entry, set()):
            assert typical[renamed.get(key, key)] == pytest.approx(value, rel=1e-3), key
    omega = {i.name: i.omega for i in model.individuals}
    for key, value in dict(told.get("omega_var", {})).items():  # type: ignore[call-overload]
        assert omega[renamed.get(key, key)] ** 2 == pytest.approx(value, rel=1e-6), key
    for key, value in dict(told.get("omega_cv", {})).items():  # type: ignore[call-overload]
        if key != "corr":
            assert omega[renamed.get(key, key)] ** 2 == pytest.approx(np.log1p(value**2), rel=1e-6), key
    block = told.get("omega_block")
    if block:
        model_block = np.diag([omega[n] for n in ("CL", "V1", "V2", "Q")])
        joint = model_block @ model.correlation([f"eta_{n}" for n in ("CL", "V1", "V2", "Q")]) @ model_block
        for i, line in enumerate(block):  # type: ignore[var-annotated, arg-type]
            assert joint[i, : i + 1] == pytest.approx(line)


def values(name: str, t: float = 0.0, **covariates: float) -> dict[str, float]:
    return library()[name].individual(covariates=covariates, t=t)


def test_effects_of_covariates_are_those_of_the_codings() -> None:
    """Formulas transcribed from the codings, at values away from their references."""
    goti = values("vancomycin-goti-2018", CRCL=60.0, WT=90.0, HD=1.0)
    assert goti["CL"] == pytest.approx(4.5 * 0.5**0.8 * 0.7)
    assert goti["V1"] == pytest.approx(58.4 * 90 / 70 * 0.5)
    thomson = values("vancomycin-thomson-2009", CRCL=100.0, WT=80.0)
    assert thomson["CL"] == pytest.approx(2.99 * (1 + 0.0154 * 34))
    assert (thomson["V1"], thomson["V2"]) == pytest.approx((54.0, 58.56))
    pma, scr, wt = 300.0, 0.5, 15.0
    y = pma / 52
    mature = y**2.8864 / (0.8932**2.8864 + y**2.8864)
    ageing = y**-2.241 / (61.559**-2.241 + y**-2.241)
    standard = np.exp(-1.22839 + np.log10(y) * 0.67190 + 6.27017 * np.exp(-3.10940 * y))
    colin = values("vancomycin-colin-2019", PMA=pma, SCR=scr, WT=wt)
    size = (wt / 70) ** 0.75
    expected = 5.312 * size * mature * ageing * np.exp(-0.64856 * (scr - standard))
    assert colin["CL"] == pytest.approx(expected)
    assert colin["Q"] == pytest.approx(3.222 * size)
    abstract = values("vancomycin-colin-2019", PMA=35 * 52 + 40.0, SCR=0.83, WT=70.0)
    assert abstract["CL"] == pytest.approx(4.10, abs=0.01)
    for sex, (most, half, more) in {0.0: (37.99, 35.98, 1.07), 1.0: (42.92, 30.93, 1.0)}.items():
        for t, fall in ((1.0, 1.0), (20.0, 0.932), (40.0, 0.919)):
            mccune = values("busulfan-mccune-2014", t=t, WT=30.0, HT=130.0, AGE=8.0, SEX=sex)
            lean = most * 1.69 * 30 / (half * 1.69 + 30)
            maturity = 1 / (1 + ((8 * 52.1775 + 40) / 45.7) ** -2.3)
            assert mccune["CL"] == pytest.approx(11.4 * ((lean + 0.509 * (30 - lean)) / 70) ** 0.75 * maturity * fall)
            assert mccune["V1"] == pytest.approx(13.9 * (lean + 0.203 * (30 - lean)) / 70 * more)
    blocked = 1 / (1 + np.exp(-(1.5 - 0.39)))
    child = values("voriconazole-friberg-2012", t=7.0, WT=20.0, AGE=6.0, ADULT=0.0, CYP2C19_LOF=1.0)
    assert child["Vmax"] == pytest.approx(114 * (20 / 70) ** 0.75 * (1 - blocked * 6 / (6 + 1.41)))
    assert child["Q"] == pytest.approx(15.5 * (20 / 70) ** 0.75 * 1.637)
    warfarin = values("warfarin-xia-2024", WT=75.0, AGE=60.0, CYP2C9_2=1.0, CYP2C9_3=1.0, VKORC1_G=1.0, AMIODARONE=1.0)
    assert warfarin["CL"] == pytest.approx((0.0879 + 0.0422) * (1 - 0.00571 * (60 - 71)))
    assert warfarin["EC50"] == pytest.approx((4.3 + 1.14) * (75 / 60) ** 1.34 * (1 - 0.602))
    for phenotype, share in (((0, 0), 0.120), ((1, 0), 0.071), ((0, 1), 0.034)):
        jung = values("clopidogrel-jung-2024", CYP2C19_IM=float(phenotype[0]), CYP2C19_PM=float(phenotype[1]))
        assert jung["fm1"] * jung["fm2"] == pytest.approx(share, abs=5e-4)
        assert jung["kin"] / jung["kout"] == pytest.approx(212.67, abs=0.01)


def fit(model: Drug, doses: list[Dose], covariates: dict[str, float], data: list[tuple[float, float]]) -> Posterior:
    return Posterior(model, Regimen(doses, covariates), [Reading(t, v) for t, v in data])


def test_individual_estimates_are_found_again(reference: Path) -> None:
    told = {
        e["id"]: e["expect"] for e in json.loads((reference / "pharmacology/individual_estimates.json").read_text())
    }
    goti = library()["vancomycin-goti-2018"]
    tobra = library()["tobramycin-monolix"]
    one = {"CRCL": 80.0, "WT": 65.0}
    found = estimate(fit(tobra, [Dose(0.0, 500.0, duration=0.5)], one, [(1.0, 25.0), (14.0, 5.5)]))
    person = tobra.individual(found.values, one)
    assert person["ke"] == pytest.approx(told["tobramycin_p01"]["ke"], abs=5.1e-5)
    assert person["V1"] == pytest.approx(told["tobramycin_p01"]["V"], abs=5.1e-3)
    two = {"CRCL": 34.0, "WT": 62.0}
    doses = [Dose(0.0, 1900.0, duration=1.0), Dose(22.2, 1750.0, duration=1.0)]
    person = goti.individual(estimate(fit(goti, doses, two, [(12.0, 14.8), (37.5, 22.5)])).values, two)
    expected = told["vancomycin_goti_p02"]
    assert person["CL"] == pytest.approx(expected["CL"], abs=5.1e-3)
    assert (person["V1"], person["V2"]) == pytest.approx((expected["Vc"], expected["Vp"]), abs=0.051)


def test_exposure_and_the_next_dose_of_patient_b(reference: Path) -> None:
    told = {
        e["id"]: e["expect"] for e in json.loads((reference / "pharmacology/individual_estimates.json").read_text())
    }
    expected = told["vancomycin_goti_patB"]
    goti = library()["vancomycin-goti-2018"]
    doses = [Dose(0.0, 2000.0, duration=2.0), Dose(24.2, 1000.0, duration=2.0)]
    asked = fit(goti, doses, {"CRCL": 65.0, "WT": 70.0}, [(13.0, 12.0), (48.0, 9.5)])
    found = estimate(asked)
    for ours, theirs in (("eta_CL", "eta_CL"), ("eta_V1", "eta_Vc"), ("eta_V2", "eta_Vp")):
        assert found.values[ours] == pytest.approx(expected[theirs], rel=1e-3)

    def area(regimen: list[Dose], begin: float) -> float:
        whole = fit(goti, regimen, {"CRCL": 65.0, "WT": 70.0}, [(1.0, 1.0)])
        times = np.arange(begin, begin + 24.0001, 0.005)
        return float(np.trapezoid(whole.predictions(found.posterior.mean, times)[0], times))

    assert area(doses, 0.0) == pytest.approx(expected["AUC0_24"], rel=1e-3)
    assert area(doses, 24.0) == pytest.approx(expected["AUC24_48"], rel=1e-3)
    rest, more = (area([*doses, Dose(48.0, amount, duration=2.0)], 48.0) for amount in (0.0, 1000.0))
    assert 1000.0 * (400.0 - rest) / (more - rest) == pytest.approx(
        expected["next_dose_2h_inf_at48_AUC24_400"], rel=1e-3
    )
