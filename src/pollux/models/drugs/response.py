"""What a drug does: effects of a concentration, and the slower responses of the body to them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from pollux.equations import Output, State
from pollux.models.drugs.pieces import Expressions, Names, Piece


@dataclass(frozen=True, eq=False)
class Effect:
    """A function of a concentration: ``size(C, v)``, 0 where there is no drug."""

    meaning: str
    needs: tuple[str, ...]
    size: Callable[[Any, Names], Any]


def proportional(slope: str = "slope") -> Effect:
    """Slope · C."""
    return Effect("in proportion to concentration", (slope,), lambda C, v: getattr(v, slope) * C)


def emax(most: str = "Emax", half: str = "EC50", hill: str = "") -> Effect:
    """Emax Cʰ / (EC50ʰ + Cʰ), h = 1 where no exponent is named; ``most`` "" stands for 1."""

    def size(C: Any, v: Names) -> Any:
        top = getattr(v, most) if most else 1.0
        if not hill:
            return top * C / (getattr(v, half) + C)
        h = getattr(v, hill)
        return top * C**h / (getattr(v, half) ** h + C**h)

    return Effect("sigmoid Emax" if hill else "Emax", tuple(filter(None, (most, half, hill))), size)


def operational(most: str = "Em", affinity: str = "KA", tau: str = "tau", slope: str = "n") -> Effect:
    """The operational model of agonism (Black and Leff, Proc R Soc B 1983, doi:10.1098/rspb.1983.0093, unverified):

    Em τⁿ Cⁿ / ((KA + C)ⁿ + τⁿ Cⁿ).
    """

    def size(C: Any, v: Names) -> Any:
        n = getattr(v, slope)
        drive = (getattr(v, tau) * C) ** n
        return getattr(v, most) * drive / ((getattr(v, affinity) + C) ** n + drive)

    return Effect("operational model", (most, affinity, tau, slope), size)


def effect_compartment(ke0: str = "ke0", unit: str = "mg/L") -> Piece:
    """Ce′ = ke0 (C − Ce); gives ``v.Ce``."""
    return Piece(
        "effect compartment",
        needs=(ke0,),
        states=(State("Ce", unit, "concentration at the site of effect"),),
        rates=lambda x, v: {"Ce": getattr(v, ke0) * (v.C - x.Ce)},
        gives=lambda x, v: {"Ce": x.Ce},
    )


def direct(effect: Effect, baseline: str = "E0", driver: str = "C", unit: str = "1") -> Piece:
    """E = E0 + effect."""
    return Piece(
        f"direct effect, {effect.meaning}",
        needs=(*filter(None, (baseline,)), *effect.needs),
        outputs=(Output("E", unit, "effect"),),
        observe=lambda x, v: {"E": (getattr(v, baseline) if baseline else 0.0) + effect.size(getattr(v, driver), v)},
    )


def indirect(
    kind: Literal[1, 2, 3, 4], effect: Effect, name: str = "R", baseline: str = "", driver: str = "C", unit: str = "1"
) -> Piece:
    """The four indirect responses (Dayneka et al., J Pharmacokinet Biopharm 1993, doi:10.1007/BF01061691, unverified).

        R′ = kin · a − kout · b · R,   (a, b) = (1 − I, 1), (1, 1 − I), (1 + S, 1), (1, 1 + S) for kinds 1 to 4.

    At rest R = kin/kout. With ``baseline`` naming it, kin = baseline · kout and kin is not needed.
    """

    def made(v: Names) -> Any:
        return getattr(v, baseline) * v.kout if baseline else v.kin

    def rates(x: Names, v: Names) -> Expressions:
        size = effect.size(getattr(v, driver), v)
        factor = 1.0 - size if kind <= 2 else 1.0 + size
        gain, loss = (factor, 1.0) if kind in (1, 3) else (1.0, factor)
        return {name: made(v) * gain - v.kout * loss * getattr(x, name)}

    what = ("inhibited production", "inhibited loss", "stimulated production", "stimulated loss")[kind - 1]
    return Piece(
        f"indirect response, {what}, {effect.meaning}",
        needs=(baseline or "kin", "kout", *effect.needs),
        states=(State(name, unit, "response"),),
        outputs=(Output(name, unit, "response"),),
        rates=rates,
        start=lambda v: {name: made(v) / v.kout},
        observe=lambda x, v: {name: getattr(x, name)},
    )


def turnover(name: str = "R", unit: str = "1") -> Piece:
    """A quantity that is made and lost, untouched by a drug: R′ = kin − kout R."""
    nothing = Effect("no drug effect", (), lambda C, v: 0.0)
    return indirect(3, nothing, name, unit=unit)


def myelosuppression(effect: Effect, driver: str = "C", unit: str = "10*9/L", transits: int = 3) -> Piece:
    """Friberg's model of blood cells (J Clin Oncol 2002, doi:10.1200/JCO.2002.02.140, unverified).

        P′ = ktr P (1 − E) (CIRC0/N)^γ − ktr P,   T1′ = ktr (P − T1) …,   N′ = ktr (T3 − N),   ktr = 4 / MTT

    (n + 1 over MTT for n transits). All are CIRC0 at rest.
    """
    chain = ("prolif", *(f"maturing{k}" for k in range(1, transits + 1)), "cells")

    def rates(x: Names, v: Names) -> Expressions:
        ktr = (transits + 1.0) / v.MTT
        feedback = (v.CIRC0 / x.cells) ** v.gamma
        change = {"prolif": ktr * x.prolif * ((1.0 - effect.size(getattr(v, driver), v)) * feedback - 1.0)}
        return change | {later: ktr * (getattr(x, earlier) - getattr(x, later)) for earlier, later in pairwise(chain)}

    return Piece(
        f"myelosuppression, drug effect {effect.meaning}",
        needs=("CIRC0", "MTT", "gamma", *effect.needs),
        states=tuple(State(s, unit, f"blood cells, {s}") for s in chain),
        outputs=(Output("cells", unit, "circulating cells"),),
        rates=rates,
        start=lambda v: dict.fromkeys(chain, v.CIRC0),
        observe=lambda x, v: {"cells": x.cells},
    )
