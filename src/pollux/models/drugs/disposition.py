"""How a drug is distributed and eliminated: one to three compartments, and the ways out of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pollux.equations import Input, Output, State
from pollux.models.drugs.pieces import Expressions, Names, Piece, WayIn


@dataclass(frozen=True, eq=False)
class Elimination:
    """A way out of the central compartment: ``rate(C, v)`` [amount per time]."""

    meaning: str
    needs: tuple[str, ...]
    rate: Callable[[Any, Names], Any]


def linear(clearance: str = "CL") -> Elimination:
    """CL · C."""
    return Elimination("linear elimination", (clearance,), lambda C, v: getattr(v, clearance) * C)


def michaelis_menten(vmax: str = "Vmax", km: str = "Km") -> Elimination:
    """Vmax · C / (Km + C); Vmax in amount per time, Km a concentration."""
    return Elimination(
        "Michaelis–Menten elimination", (vmax, km), lambda C, v: getattr(v, vmax) * C / (getattr(v, km) + C)
    )


VOLUMES = {1: ("V",), 2: ("V1", "V2"), 3: ("V1", "V2", "V3")}
FLOWS = {1: (), 2: ("Q",), 3: ("Q2", "Q3")}


def compartments(
    count: int,
    *ways_out: Elimination,
    amount: str = "mg",
    unit: str = "mg/L",
    factor: float = 1.0,
    intravenous: bool = True,
    lag: str = "",
    time: str = "h",
) -> Piece:
    """A central compartment and up to two that exchange with it; linear elimination unless other ways out are given.

        A1′ = −Σ elimination − Σ Qk (C − Ak/Vk),   Ak′ = Qk (C − Ak/Vk),   C = A1 / V1

    Parameters are CL, V (one), CL, V1, Q, V2 (two), or CL, V1, Q2, V2, Q3, V3 (three compartments). The output ``C`` is
    ``factor`` · A1/V1 in ``unit``. It gives ``v.C`` (amount per volume) and ``v.eliminated`` (amount per time).
    """
    out = ways_out or (linear(),)
    volumes, flows = VOLUMES[count], FLOWS[count]
    deep = tuple(f"deep{k}" for k in range(1, count))

    def rates(x: Names, v: Names) -> Expressions:
        across = {
            d: getattr(v, q) * (v.C - getattr(x, d) / getattr(v, w))
            for d, q, w in zip(deep, flows, volumes[1:], strict=True)
        }
        lost = v.eliminated + sum(across.values())
        return {"central": (v.rate_central if intravenous else 0.0) - lost, **across}

    def gives(x: Names, v: Names) -> Expressions:
        C = x.central / getattr(v, volumes[0])
        return {"C": C, "eliminated": sum(way.rate(C, v) for way in out)}

    return Piece(
        f"{('one', 'two', 'three')[count - 1]} compartment{'s' if count > 1 else ''}, "
        + " and ".join(way.meaning for way in out),
        needs=(*volumes, *flows, *(n for way in out for n in way.needs)),
        states=(
            State("central", amount, "amount in the central compartment"),
            *(State(d, amount, f"amount in peripheral compartment {k}") for k, d in enumerate(deep, start=1)),
        ),
        inputs=(Input("rate_central", f"{amount}/{time}", "infusion into the central compartment"),)
        if intravenous
        else (),
        ways_in=(WayIn("iv", "central", "rate_central", lag=lag),) if intravenous else (),
        outputs=(Output("C", unit, "plasma concentration"),),
        rates=rates,
        gives=gives,
        observe=lambda x, v: {"C": factor * v.C},
    )


def target_mediated(amount: str = "nmol", unit: str = "nmol/L") -> Piece:
    """One compartment with a target that binds the drug: the full model.

        L′ = −CL/V L − (kon C R − koff P) V,   R′ = kdeg (R0 − R) − kon C R + koff P,   P′ = kon C R − (koff + kint) P

    L is the free amount, C = L/V; R and P are concentrations of free target and complex (Mager and Jusko, J
    Pharmacokinet Pharmacodyn 2001, doi:10.1023/A:1014414520282, unverified).
    """

    def rates(x: Names, v: Names) -> Expressions:
        bound = v.kon * v.C * x.R - v.koff * x.P
        return {
            "central": v.rate_central - v.eliminated - bound * v.V,
            "R": v.kdeg * (v.R0 - x.R) - bound,
            "P": bound - v.kint * x.P,
        }

    return Piece(
        "one compartment with target-mediated disposition, full",
        needs=("CL", "V", "kon", "koff", "kint", "kdeg", "R0"),
        states=(
            State("central", amount, "free drug"),
            State("R", unit, "free target"),
            State("P", unit, "complex of drug and target"),
        ),
        inputs=(Input("rate_central", f"{amount}/h", "infusion into the central compartment"),),
        ways_in=(WayIn("iv", "central", "rate_central"),),
        outputs=(Output("C", unit, "free concentration"),),
        rates=rates,
        gives=lambda x, v: {"C": x.central / v.V, "eliminated": v.CL * x.central / v.V},
        start=lambda v: {"central": 0.0, "R": v.R0, "P": 0.0},
        observe=lambda x, v: {"C": v.C},
    )


def target_mediated_qss(amount: str = "nmol", unit: str = "nmol/L") -> Piece:
    """The same in quasi-steady state of binding (Gibiansky et al., J Pharmacokinet Pharmacodyn 2008,
    doi:10.1007/s10928-008-9102-8, unverified): with total drug L, total target T and Kss = (koff + kint)/kon,

        C = ½ (D + √(D² + 4 Kss L/V)),  D = L/V − T − Kss,   P = T C / (Kss + C)
        L′ = −(CL C + kint P V),   T′ = kdeg (R0 − T) + (kdeg − kint) P.
    """

    def gives(x: Names, v: Names) -> Expressions:
        total = x.central / v.V
        less = total - x.target - v.Kss
        C = 0.5 * (less + np.sqrt(less**2 + 4.0 * v.Kss * total))
        P = x.target * C / (v.Kss + C)
        return {"C": C, "P": P, "eliminated": v.CL * C + v.kint * P * v.V}

    return Piece(
        "one compartment with target-mediated disposition, quasi-steady state",
        needs=("CL", "V", "Kss", "kint", "kdeg", "R0"),
        states=(State("central", amount, "total drug"), State("target", unit, "total target")),
        inputs=(Input("rate_central", f"{amount}/h", "infusion into the central compartment"),),
        ways_in=(WayIn("iv", "central", "rate_central"),),
        outputs=(Output("C", unit, "free concentration"),),
        rates=lambda x, v: {
            "central": v.rate_central - v.eliminated,
            "target": v.kdeg * (v.R0 - x.target) + (v.kdeg - v.kint) * v.P,
        },
        gives=gives,
        start=lambda v: {"central": 0.0, "target": v.R0},
        observe=lambda x, v: {"C": v.C},
    )


def metabolite(name: str = "M", amount: str = "mg", unit: str = "mg/L", factor: float = 1.0) -> Piece:
    """A metabolite: M′ = fm · eliminated − CLm/Vm · M; it gives and shows its concentration."""
    share, clearance, volume = f"f_{name}", f"CL_{name}", f"V_{name}"
    return Piece(
        f"metabolite {name}",
        needs=(share, clearance, volume),
        states=(State(f"metabolite_{name}", amount, f"amount of metabolite {name}"),),
        outputs=(Output(f"C_{name}", unit, f"concentration of metabolite {name}"),),
        rates=lambda x, v: {
            f"metabolite_{name}": getattr(v, share) * v.eliminated - getattr(v, clearance) * getattr(v, f"C_{name}")
        },
        gives=lambda x, v: {f"C_{name}": getattr(x, f"metabolite_{name}") / getattr(v, volume)},
        observe=lambda x, v: {f"C_{name}": factor * getattr(v, f"C_{name}")},
    )
