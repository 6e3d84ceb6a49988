"""Laws of the pieces that drug models are made of: closed forms, conservation, and special cases of the general."""

import re
from collections.abc import Mapping

import numpy as np
import pytest
from scipy.special import gammaln, lambertw

from pollux.equations import Reference
from pollux.equations.model import Named
from pollux.errors import ModelError
from pollux.kernel import simulate, trace
from pollux.kernel.linear import linear_form
from pollux.models.drugs import Individual, drug, library
from pollux.models.drugs.absorption import dual, first_order, transit, zero_order
from pollux.models.drugs.covariate import WT
from pollux.models.drugs.disposition import (
    compartments,
    linear,
    metabolite,
    michaelis_menten,
    target_mediated,
    target_mediated_qss,
)
from pollux.models.drugs.expression import Expression
from pollux.plans import Dose, Regimen
from pollux.vocabulary.compound import compound
from tests.battery.designs import covariates
from tests.models.drugs.courses import TIMES, course, model

TWO = {"CL": 4.0, "V1": 20.0, "Q": 6.0, "V2": 50.0}
BINDING = {"CL": 0.02, "V": 3.0, "kon": 0.5, "koff": 0.1, "kint": 0.03, "kdeg": 0.05, "R0": 4.0}


# ---- distribution and elimination ----


def test_an_injection_into_one_compartment_falls_exponentially() -> None:
    found = course(model([compartments(1)], {"CL": 4.0, "V": 20.0}), {"central": 100.0})
    assert found["out_C"] == pytest.approx(5.0 * np.exp(-0.2 * TIMES), rel=1e-8)


def test_an_infusion_rises_to_its_steady_state() -> None:
    found = course(model([compartments(1)], {"CL": 4.0, "V": 20.0}), {}, inputs={"rate_central": 12.0})
    assert found["out_C"] == pytest.approx(3.0 * (1.0 - np.exp(-0.2 * TIMES)), rel=1e-8, abs=1e-12)


def test_two_compartments_fall_as_the_sum_of_two_exponentials() -> None:
    found = course(model([compartments(2)], TWO), {"central": 100.0})
    k10, k12, k21 = TWO["CL"] / TWO["V1"], TWO["Q"] / TWO["V1"], TWO["Q"] / TWO["V2"]
    half, root = (k10 + k12 + k21) / 2, np.sqrt((k10 + k12 + k21) ** 2 / 4 - k10 * k21)
    fast, slow = half + root, half - root
    a, b = (fast - k21) / (fast - slow), (k21 - slow) / (fast - slow)
    assert found["out_C"] == pytest.approx(5.0 * (a * np.exp(-fast * TIMES) + b * np.exp(-slow * TIMES)), rel=1e-8)


def test_a_compartment_without_exchange_is_no_compartment() -> None:
    one = course(model([compartments(1)], {"CL": 4.0, "V": 20.0}), {"central": 100.0})["out_C"]
    two = course(model([compartments(2)], TWO), {"central": 100.0})["out_C"]
    shut = course(model([compartments(2)], TWO | {"Q": 0.0}), {"central": 100.0})["out_C"]
    third = {"CL": 4.0, "V1": 20.0, "Q2": 6.0, "V2": 50.0, "Q3": 0.0, "V3": 90.0}
    three = course(model([compartments(3)], third), {"central": 100.0})["out_C"]
    assert shut == pytest.approx(one, rel=1e-8)
    assert three == pytest.approx(two, rel=1e-8)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_is_in_the_body_and_what_left_it_is_what_was_given(count: int) -> None:
    names = {1: ("V",), 2: ("V1", "Q", "V2"), 3: ("V1", "Q2", "V2", "Q3", "V3")}[count]
    values = dict(zip(names, (20.0, 6.0, 50.0, 1.0, 90.0), strict=False))
    made = model([first_order(), compartments(count)], {"CL": 4.0, "ka": 1.1, **values})
    times = np.linspace(0.0, 24.0, 4001)
    found = course(made, {"depot": 100.0}, times)
    left = np.concatenate([[0.0], np.cumsum(np.diff(times) * 4.0 * (found["out_C"][1:] + found["out_C"][:-1]) / 2)])
    held = sum(found[s] for s in made.state_names)
    assert held + left == pytest.approx(100.0, rel=2e-6)


def test_saturable_elimination_follows_its_closed_form() -> None:
    """C(t) = Km W(C0/Km · e^((C0 − Vmax t/V)/Km)), W Lambert's function."""
    values = {"Vmax": 30.0, "Km": 2.0, "V": 20.0}
    found = course(model([compartments(1, michaelis_menten())], values), {"central": 200.0})
    expected = [2.0 * lambertw(5.0 * np.exp((10.0 - 1.5 * t) / 2.0)).real for t in TIMES.tolist()]
    assert found["out_C"] == pytest.approx(expected, rel=1e-7)


def test_saturable_elimination_far_below_its_constant_is_linear() -> None:
    made = model([compartments(1, michaelis_menten())], {"Vmax": 8.0, "Km": 2.0, "V": 20.0})
    found = course(made, {"central": 1e-5})["out_C"]
    assert found == pytest.approx(5e-7 * np.exp(-4.0 / 20.0 * TIMES), rel=1e-5)


def test_parallel_ways_out_add_up() -> None:
    values = {"CL": 4.0, "Vmax": 8.0, "Km": 2.0, "V": 20.0}
    both = course(model([compartments(1, linear(), michaelis_menten())], values), {"central": 100.0})["out_C"]
    only = course(model([compartments(1, linear(), michaelis_menten())], values | {"Vmax": 0.0}), {"central": 100.0})
    assert (both[1:] < only["out_C"][1:]).all()
    twice = model([compartments(1, linear("CL"), linear("CLr"))], {"CL": 1.5, "CLr": 2.5, "V": 20.0})
    assert course(twice, {"central": 100.0})["out_C"] == pytest.approx(5.0 * np.exp(-0.2 * TIMES), rel=1e-8)


def test_the_exposure_of_a_metabolite_is_its_share_of_the_dose_over_its_clearance() -> None:
    values = {"CL": 4.0, "V": 20.0, "f_M": 0.3, "CL_M": 2.0, "V_M": 10.0}
    made = model([compartments(1), metabolite()], values)
    times = np.linspace(0.0, 200.0, 20001)
    found = course(made, {"central": 100.0}, times)["out_C_M"]
    assert np.trapezoid(found, times) == pytest.approx(0.3 * 100.0 / 2.0, rel=1e-5)


def test_without_a_share_there_is_no_metabolite() -> None:
    values = {"CL": 4.0, "V": 20.0, "f_M": 0.0, "CL_M": 2.0, "V_M": 10.0}
    assert not course(model([compartments(1), metabolite()], values), {"central": 100.0})["out_C_M"].any()


def test_the_kernel_gives_infusions_as_their_closed_form() -> None:
    """Two infusions of 2 h into one compartment: each rises as R/CL (1 − e^(−k t)) and then falls, and they add up."""
    found = simulate(
        model([compartments(1)], {"CL": 4.0, "V": 20.0}),
        {},
        Regimen([Dose(1.0, 100.0, duration=2.0), Dose(9.0, 40.0, duration=2.0)]),
        TIMES,
    )
    assert found.method == "closed form"

    def one(amount: float, begin: float) -> np.ndarray:
        given, gone = np.clip(TIMES - begin, 0.0, 2.0), np.clip(TIMES - begin - 2.0, 0.0, None)
        return amount / 2.0 / 4.0 * (1.0 - np.exp(-0.2 * given)) * np.exp(-0.2 * gone)

    assert found.outputs["C"][0] == pytest.approx(one(100.0, 1.0) + one(40.0, 9.0), rel=1e-9, abs=1e-12)


def test_the_kernel_gives_two_compartments_as_the_sum_of_two_exponentials() -> None:
    """Rates and shares by Vieta from CL, V1, Q, V2; three injections every 6 h superpose."""
    found = simulate(model([compartments(2)], TWO), {}, Regimen([Dose(0.0, 100.0, additional=2, interval=6.0)]), TIMES)
    k10, k12, k21 = TWO["CL"] / TWO["V1"], TWO["Q"] / TWO["V1"], TWO["Q"] / TWO["V2"]
    fast, slow = np.roots([1.0, -(k10 + k12 + k21), k10 * k21])
    since = [np.where(t <= TIMES, TIMES - t, np.inf) for t in (0.0, 6.0, 12.0)]
    expected = sum(
        5.0 * ((fast - k21) * np.exp(-fast * s) + (k21 - slow) * np.exp(-slow * s)) / (fast - slow) for s in since
    )
    between = TIMES % 6.0 != 0.0  # not at the jumps themselves
    assert found.outputs["C"][0, between] == pytest.approx(expected[between], rel=1e-9)


# ---- target-mediated disposition ----


def test_without_target_disposition_is_linear() -> None:
    expected = 100.0 / 3.0 * np.exp(-0.02 / 3.0 * TIMES)
    full = course(model([target_mediated()], BINDING | {"R0": 0.0}), {"central": 100.0})
    assert full["out_C"] == pytest.approx(expected, rel=1e-8)
    steady = {n: BINDING[n] for n in ("CL", "V", "kint", "kdeg")} | {"R0": 0.0, "Kss": 0.26}
    qss = course(model([target_mediated_qss()], steady), {"central": 100.0})
    assert qss["out_C"] == pytest.approx(expected, rel=1e-7)


def test_the_target_rests_without_drug() -> None:
    found = course(model([target_mediated()], BINDING), {})
    assert found["R"] == pytest.approx(4.0)
    assert not found["P"].any()


def test_target_and_complex_add_up_where_both_are_lost_alike() -> None:
    found = course(model([target_mediated()], BINDING | {"kint": 0.05}), {"central": 100.0})
    assert found["R"] + found["P"] == pytest.approx(4.0, rel=1e-8)


def test_bound_drug_is_not_lost() -> None:
    """Free and bound drug only leave by CL C and by internalisation."""
    made = model([target_mediated()], BINDING)
    times = np.linspace(0.0, 24.0, 8001)
    found = course(made, {"central": 100.0}, times)
    out = BINDING["CL"] * found["out_C"] + BINDING["kint"] * found["P"] * BINDING["V"]
    left = np.concatenate([[0.0], np.cumsum(np.diff(times) * (out[1:] + out[:-1]) / 2)])
    assert found["central"] + found["P"] * BINDING["V"] + left == pytest.approx(100.0, rel=1e-6)


def test_fast_binding_is_the_quasi_steady_state() -> None:
    fast = BINDING | {"kon": 500.0, "koff": 100.0}
    times = np.linspace(1.0, 240.0, 80)
    full = course(model([target_mediated()], fast), {"central": 60.0}, times)["out_C"]
    steady = {n: fast[n] for n in ("CL", "V", "kint", "kdeg", "R0")} | {
        "Kss": (fast["koff"] + fast["kint"]) / fast["kon"]
    }
    qss = course(model([target_mediated_qss()], steady), {"central": 60.0}, times)["out_C"]
    assert qss == pytest.approx(full, rel=2e-3)


def test_much_drug_on_a_constant_target_is_lost_linearly_and_by_saturation() -> None:
    """With kdeg = kint the target stays R0, and far above it elimination is CL C + kint R0 V C / (Kss + C)."""
    qss = {"CL": 0.02, "V": 3.0, "kint": 0.05, "kdeg": 0.05, "R0": 0.001, "Kss": 2.0}
    approximate = {"CL": 0.02, "V": 3.0, "Vmax": 0.05 * 0.001 * 3.0, "Km": 2.0}
    a = course(model([target_mediated_qss()], qss), {"central": 100.0})["out_C"]
    b = course(model([compartments(1, linear(), michaelis_menten())], approximate), {"central": 100.0})["out_C"]
    assert a == pytest.approx(b, rel=5e-4)


# ---- absorption ----


def test_first_order_absorption_follows_its_closed_form() -> None:
    found = course(model([first_order(), compartments(1)], {"ka": 1.1, "CL": 4.0, "V": 20.0}), {"depot": 100.0})
    expected = 100.0 * 1.1 / (20.0 * (1.1 - 0.2)) * (np.exp(-0.2 * TIMES) - np.exp(-1.1 * TIMES))
    assert found["out_C"] == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_a_chain_of_one_is_first_order() -> None:
    chain = course(model([transit(1), compartments(1)], {"ktr": 1.1, "CL": 4.0, "V": 20.0}), {"transit1": 100.0})
    depot = course(model([first_order(), compartments(1)], {"ka": 1.1, "CL": 4.0, "V": 20.0}), {"depot": 100.0})
    assert chain["out_C"] == pytest.approx(depot["out_C"], rel=1e-9)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_chain_lets_through_after_gamma_distributed_times(count: int) -> None:
    """What a chain of n passes on is D k (k t)^(n−1) e^(−k t)/(n−1)!, the analytic input of Savic et al. at whole n."""
    ktr, n = 2.0, count - 1
    chain = course(model([transit(count), compartments(1)], {"ktr": ktr, "CL": 4.0, "V": 20.0}), {"transit1": 100.0})
    arriving = ktr * chain[f"transit{count}"]
    time = TIMES[1:]
    expected = 100.0 * ktr * np.exp(n * np.log(ktr * time) - ktr * time - gammaln(n + 1))
    assert arriving[1:] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_last_step_of_a_chain_may_have_its_own_speed() -> None:
    values = {"ktr": 5.0, "ka": 0.4, "CL": 4.0, "V": 20.0}
    made = model([transit(2, ka="ka"), compartments(1)], values)
    first = course(made, {"transit1": 100.0})["transit2"]
    assert first == pytest.approx(100.0 * 5.0 / 4.6 * (np.exp(-0.4 * TIMES) - np.exp(-5.0 * TIMES)), rel=1e-6, abs=1e-9)


def test_all_of_a_dose_going_one_way_of_two_is_that_way() -> None:
    values = {"ka1": 1.1, "ka2": 0.2, "Ffast": 1.0, "CL": 4.0, "V": 20.0}
    made = model([dual(), compartments(1)], values)
    kinetics = made.kinetics(Named("parameter", made.medians()), Named("input", {"rate_central": 0.0}))
    assert (kinetics["fast"], kinetics["slow"]) == ({"bioavailability": 1.0}, {"bioavailability": 0.0})
    alone = course(model([first_order(), compartments(1)], {"ka": 1.1, "CL": 4.0, "V": 20.0}), {"depot": 100.0})
    assert course(made, {"depot_fast": 100.0})["out_C"] == pytest.approx(alone["out_C"], rel=1e-9)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_shares_of_two_ways_add_up_to_the_dose(share: float) -> None:
    made = model([dual(), compartments(1)], {"ka1": 1.1, "ka2": 0.2, "Ffast": share, "CL": 4.0, "V": 20.0})
    kinetics = made.kinetics(Named("parameter", made.medians()), Named("input", {"rate_central": 0.0}))
    assert kinetics["fast"]["bioavailability"] == share
    assert sum(kinetics[way]["bioavailability"] for way in ("fast", "slow")) == pytest.approx(1.0)


def test_equal_ways_need_no_telling_apart() -> None:
    values = {"ka1": 0.7, "ka2": 0.7, "Ffast": 0.3, "CL": 4.0, "V": 20.0}
    made = model([dual(), compartments(1)], values)
    alone = course(model([first_order(), compartments(1)], {"ka": 0.7, "CL": 4.0, "V": 20.0}), {"depot": 100.0})
    both = course(made, {"depot_fast": 30.0, "depot_slow": 70.0})
    assert both["out_C"] == pytest.approx(alone["out_C"], rel=1e-9)


def test_zero_order_absorption_states_its_duration_and_is_an_infusion() -> None:
    made = model([zero_order(lag="tlag"), compartments(1)], {"D1": 3.0, "tlag": 0.5, "CL": 4.0, "V": 20.0})
    u = dict.fromkeys(made.input_names, 0.0)
    assert made.kinetics(Named("parameter", made.medians()), Named("input", u))["oral"] == {"lag": 0.5, "duration": 3.0}
    assert made.route("oral").input == "rate_oral"
    swallowed, infused = (course(made, {}, inputs={rate: 12.0})["out_C"] for rate in ("rate_oral", "rate_central"))
    assert swallowed == pytest.approx(infused)


# ---- individual values ----


def test_the_three_scales_of_variability() -> None:
    for scale, expected in (("log", 0.4 * np.exp(0.5)), ("normal", 0.9), ("logit", 1 / (1 + 1.5 * np.exp(-0.5)))):
        individuals = [
            Individual("F", "1", "share", 0.4, sd=1.0, scale=scale),  # type: ignore[arg-type]
            Individual("CL", "L/h", "clearance", 1.0),
            Individual("V", "L", "volume", 1.0),
            Individual("ka", "/h", "absorption", 1.0),
        ]
        pieces = [first_order(bioavailability="F"), compartments(1)]
        made = drug("m", "m", pieces, individuals, residuals={}, reference=Reference("test"), checked="-")
        assert made.individual({"eta_F": 0.5})["F"] == pytest.approx(expected)


def test_people_and_occasions_differ_in_the_same_way() -> None:
    individuals = [
        Individual("CL", "L/h", "clearance", 4.0, effect="(WT / 70)**0.75", variance=0.09, between=0.2),
        Individual("V", "L", "volume", 20.0),
    ]
    made = drug(
        "m", "m", [compartments(1)], individuals, covariates=[WT], residuals={}, reference=Reference("t"), checked="-"
    )
    assert made.between_occasions == {"kappa_CL": 0.2}
    person = made.individual({"eta_CL": 0.3}, {"WT": 80.0, "kappa_CL": -0.1})
    assert person["CL"] == pytest.approx(4.0 * (80 / 70) ** 0.75 * np.exp(0.2))
    assert person == made.individual({"eta_CL": 0.2}, {"WT": 80.0})


def test_a_spread_is_said_once() -> None:
    with pytest.raises(ModelError, match="the spread of CL is said twice"):
        Individual("CL", "L/h", "clearance", 4.0, cv=0.3, variance=0.09)


def test_what_the_pieces_need_must_be_declared() -> None:
    with pytest.raises(ModelError, match=r"^the pieces need CL, ka \[made\]\. Declare them as Individual\.$"):
        model([first_order(), compartments(1)], {"V": 20.0})


@pytest.mark.parametrize("text", ["open('x')", "WT.real", "[WT]", "WT if HD else 1", "lambda: 1", "WT % 2", "not HD"])
def test_an_effect_that_is_more_than_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ModelError) as refused:
        Individual("CL", "L/h", "clearance", 4.0, effect=text)
    assert str(refused.value) == (
        f"the effect '{text}' uses more than arithmetic. "
        "There are + - * / **, comparisons, and exp, log, log10, minimum, maximum, where."
    )


def test_an_effect_that_is_no_effect_is_refused() -> None:
    with pytest.raises(ModelError, match=r"^the effect 'WT \*' cannot be read$"):
        Expression("WT *")
    with pytest.raises(ModelError, match=r"^the effect 'WT \+ 'a'' contains something that is not a number$"):
        Expression("WT + 'a'")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("9**9**9", "has a number that is larger than 1e+12"),
        ("WT * 2**(99**9)", "has a number that is larger than 1e+12"),
        ("where(HD == 1, 10**12 * 10, 1)", "has a number that is larger than 1e+12"),
        ("-9**9**9**9 < WT", "has a number that is larger than 1e+12"),
        ("1 / 0 * WT", "has a number that is larger than 1e+12"),
        ("9" * 400 + " * WT", "has a number that is larger than 1e+12"),
        ("1e999", "has a number that is larger than 1e+12"),
        ("9" * 5000, "is longer than 1000 signs"),
        ("+".join(["WT"] * 60), "is deeper than 50 operations within each other"),
        ("-" * 900 + "1", "is deeper than 50|cannot be read"),
        ("(" * 400 + "1" + ")" * 400, "cannot be read"),
        ("**".join(["9"] * 300), "is deeper than 50|cannot be read"),
        ("1\0", "cannot be read"),
    ],
)
def test_an_effect_that_no_source_would_print_is_refused_at_once(text: str, why: str) -> None:
    with pytest.raises(ModelError, match=re.escape(why).replace(r"\|", "|")):
        Expression(text)


def test_an_effect_without_a_value_is_said_and_whole_numbers_are_never_raised_for_ever() -> None:
    for text, values in (("9**(HD * 9)**9", {"HD": 9}), ("1 / WT", {"WT": 0}), ("exp(1) * WT**999", {"WT": 9e9})):
        with pytest.raises(ModelError, match="has no value here"):
            Expression(text)(values)


def test_a_covariate_that_must_be_said_is_asked_for_by_its_name() -> None:
    with pytest.raises(ModelError) as refused:
        library()["vancomycin-goti-2018"].individual(covariates={"WT": 70.0})
    assert str(refused.value) == "the covariate CRCL is not given [vancomycin-goti-2018]"


# ---- the library, without a kernel ----

EVERY = pytest.mark.parametrize("name", library())


CURVED = {
    "busulfan-mccune-2014": "clearance falls with time",
    "clopidogrel-jung-2024": "sigmoid effect",
    "paclitaxel-friberg-2002": "feedback of cells",
    "tirzepatide-schneck-2024": "waning placebo, Emax",
    "voriconazole-friberg-2012": "saturable elimination",
    "warfarin-oreilly": "Emax",
    "warfarin-xia-2024": "sigmoid effect",
}


@EVERY
def test_models_of_linear_pieces_are_taken_for_linear_and_no_others(name: str) -> None:
    assert (linear_form(trace(library()[name])) is None) == (name in CURVED), CURVED.get(name)


@pytest.mark.parametrize("name", [n for n, m in library().items() if "C" in m.output_names])
def test_concentrations_are_shown_in_the_unit_that_they_claim(name: str) -> None:
    """Amount of the central state over litres, in the unit of the output ``C``."""
    made = library()[name]
    rng = np.random.default_rng(3)
    p = {q.name: float(q.prior.from_standard(rng.standard_normal())) for q in made.parameters}
    u = {i.name: float(rng.uniform(0.2, 0.9)) for i in made.inputs}
    x = {n: float(rng.uniform(0.5, 2.0)) for n in made.state_names}
    amount = next(s.unit for s in made.states if s.name == "central")
    shown = next(o.unit for o in made.outputs if o.name == "C")
    made_of, wanted = compound(amount) * compound("L") ** -1, compound(shown)
    assert made_of.powers == wanted.powers
    person = made.individual(p, u, 1.0)
    volume = next(person[n] for n in ("V", "V1", "Vc") if n in person)
    told = made.readings(1.0, Named("state", x), Named("parameter", p), Named("input", u))["C"]
    assert told == pytest.approx(x["central"] / volume * float(made_of.factor / wanted.factor))


@EVERY
def test_nothing_moves_at_rest_but_what_placebo_moves(name: str) -> None:
    made = library()[name]
    p = Named("parameter", made.medians())
    u = Named("input", {i.name: i.usual if i.usual is not None else 0.5 for i in made.inputs})
    rest = made.start(p, u)
    rates = made.rates(2.0, Named("state", rest), p, u)
    for state, rate in rates.items():
        if name == "tirzepatide-schneck-2024" and state in ("ffm", "fat"):
            assert rate < 0.0
        else:
            assert rate == pytest.approx(0.0, abs=1e-12 * (1.0 + abs(rest[state])))


@EVERY
def test_no_drug_comes_from_nothing_and_absorption_loses_none(name: str) -> None:
    """Summed over all states, drug is only ever lost; what leaves a depot or transit compartment is found elsewhere."""
    made = library()[name]
    rng = np.random.default_rng(4)
    p = Named("parameter", made.medians())
    u = Named("input", {i.name: i.usual or 0.0 for i in made.inputs} | covariates(made))
    drugs = [s.name for s in made.states if s.unit in ("mg", "nmol", "mmol", "umol") and s.name != "h4"]
    rest = {n: float(v) for n, v in made.start(p, u).items()}

    def change(amounts: Mapping[str, float]) -> float:
        rates = made.rates(2.0, Named("state", rest | dict(amounts)), p, u)
        return float(sum(rates[n] for n in drugs))

    for _ in range(20):
        assert change({n: float(rng.uniform(0.0, 2.0)) for n in drugs}) <= 0.0
    for state in drugs:
        if "central" in drugs and state.startswith(("depot", "transit")):
            assert change({state: 1.0}) == pytest.approx(0.0, abs=1e-12)
