"""A published population model as a declaration: pieces, individual parameters, covariates, errors, and where all of it
comes from.

An individual parameter is  typical · effect(covariates) · e^(η + κ),  η ~ N(0, ω²) between people and κ ~ N(0, ω_o²)
between occasions (``scale`` "log"); with "normal" the random part adds, with "logit" it adds to the logit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from pollux.equations import Domain, ErrorModel, Fixed, Input, Model, Normal, Parameter, Reference, Route
from pollux.equations.model import Named
from pollux.errors import ModelError
from pollux.models.drugs.expression import Expression
from pollux.models.drugs.pieces import Names, Piece, WayIn


@dataclass(frozen=True)
class Individual:
    """A parameter that differs between people.

    ``effect`` is what covariates (and individual parameters named before it) do, as text. Say the spread in the one way
    in which the source does: ``variance`` ω² of η, ``sd`` ω, or ``cv`` of the parameter, for which ω² = ln(1 + cv²).
    ``between`` is the sd of κ between occasions.

    >>> Individual("CL", "L/h", "clearance", 4.5, effect="(CRCL / 120)**0.8", cv=0.398).omega.__round__(4)
    0.3835
    """

    name: str
    unit: str
    meaning: str
    typical: float
    effect: str = ""
    variance: float = 0.0
    sd: float = 0.0
    cv: float = 0.0
    between: float = 0.0
    scale: Literal["log", "normal", "logit"] = "log"

    def __post_init__(self) -> None:
        if sum(v != 0.0 for v in (self.variance, self.sd, self.cv)) > 1:
            raise ModelError(f"the spread of {self.name} is said twice", advice="Say variance, sd or cv.")
        self._effect  # noqa: B018 - a wrong effect is refused where it is written

    @cached_property
    def omega(self) -> float:
        """The sd of η."""
        return float(self.sd or np.sqrt(self.variance) or np.sqrt(np.log1p(self.cv**2)))

    @cached_property
    def _effect(self) -> Expression | None:
        return Expression(self.effect) if self.effect else None

    @property
    def said(self) -> str:
        """The spread as the source says it, and what was made of it."""
        if self.cv:
            return f"CV {100 * self.cv:.4g} %, ω² = ln(1 + CV²) = {self.omega**2:.4g}"
        return f"ω² = {self.omega**2:.4g}" if self.omega else ""

    def value(self, p: Names, known: Mapping[str, Any]) -> Any:
        """The parameter of one person, from the model's parameters and what is known so far."""
        typical = getattr(p, self.name)
        if self._effect is not None:
            typical = typical * self._effect(known)
        apart = getattr(p, f"eta_{self.name}") if self.omega else 0.0
        if self.between:
            apart = apart + known[f"kappa_{self.name}"]
        if not (self.omega or self.between):
            return typical
        if self.scale == "log":
            return typical * np.exp(apart)
        if self.scale == "normal":
            return typical + apart
        odds = typical / (1.0 - typical) * np.exp(apart)
        return odds / (1.0 + odds)


@dataclass(frozen=True, eq=False)
class Drug(Model):
    """A drug model with what its page says: its pieces, parameters, how it was checked, and errata."""

    pieces: tuple[Piece, ...] = ()
    individuals: tuple[Individual, ...] = ()
    covariates: tuple[Input, ...] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    checked: str = ""
    errata: tuple[str, ...] = ()

    def individual(
        self, p: Mapping[str, float] | None = None, covariates: Mapping[str, float] | None = None, t: float = 0.0
    ) -> dict[str, float]:
        """The individual parameters at parameters (medians where not given), covariates and a time.

        >>> from pollux.models.drugs import library
        >>> goti = library()["vancomycin-goti-2018"]
        >>> round(goti.individual(covariates={"CRCL": 60.0, "WT": 70.0, "HD": 0.0})["CL"], 3)
        2.585
        """
        u = {i.name: i.usual for i in self.inputs if i.usual is not None} | dict(covariates or {})
        missing = [i.name for i in self.inputs if i.name not in u]
        if missing:
            raise ModelError(f"the covariate {', '.join(missing)} is not given", where=self.name)
        derived = {name: Expression(text) for name, text in self.derived.items()}
        known = _values(derived, self.individuals, Named("parameter", self.medians() | dict(p or {})), {"t": t, **u})
        return {i.name: float(known[i.name]) for i in self.individuals}


def _values(
    derived: Mapping[str, Expression], individuals: Sequence[Individual], p: Names, known: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known, what is derived from it, and the individual parameters."""
    values = dict(known)
    for name, text in derived.items():
        values[name] = text(values)
    for individual in individuals:
        values[individual.name] = individual.value(p, values)
    return values


class _Equations:
    """The pieces as one set of equations."""

    def __init__(
        self,
        name: str,
        pieces: Sequence[Piece],
        individuals: Sequence[Individual],
        inputs: Sequence[Input],
        derived: Mapping[str, str],
    ) -> None:
        self.pieces = pieces
        self.derived = {key: Expression(text) for key, text in derived.items()}
        self.individuals = individuals
        self.inputs = [i.name for i in inputs]
        self.states = [s.name for piece in pieces for s in piece.states]
        needed = {n for piece in pieces for n in (*piece.needs, *(m for w in piece.ways_in for m in w.needs))}
        missing = sorted(needed - {i.name for i in individuals})
        if missing:
            raise ModelError(f"the pieces need {', '.join(missing)}", where=name, advice="Declare them as Individual.")

    def values(self, t: Any, p: Names, u: Names) -> dict[str, Any]:
        """Covariates, inputs and individual parameters; the time as ``t``."""
        return _values(self.derived, self.individuals, p, {n: getattr(u, n) for n in self.inputs} | {"t": t})

    def _seen(self, t: Any, x: Names, p: Names, u: Names) -> Named:
        known = self.values(t, p, u)
        for piece in self.pieces:
            known |= piece.gives(x, Named("value", known))
        return Named("value", known)

    def derivative(self, t: Any, x: Names, p: Names, u: Names) -> dict[str, Any]:
        """The sum of what every piece adds to the rates."""
        v = self._seen(t, x, p, u)
        total: dict[str, Any] = dict.fromkeys(self.states, 0.0)
        for piece in self.pieces:
            for state, rate in piece.rates(x, v).items():
                total[state] = total[state] + rate
        return total

    def observe(self, t: Any, x: Names, p: Names, u: Names) -> dict[str, Any]:
        """Every piece's outputs."""
        v = self._seen(t, x, p, u)
        return {name: value for piece in self.pieces for name, value in piece.observe(x, v).items()}

    def initial(self, p: Names, u: Names) -> dict[str, Any]:
        """Rest: 0 where no piece says otherwise."""
        v = Named("value", self.values(0.0, p, u))
        start: dict[str, Any] = dict.fromkeys(self.states, 0.0)
        for piece in self.pieces:
            start |= piece.start(v)
        return start

    def route(self, way: WayIn, amount: str) -> Route:
        """A way in as a route of the model."""
        stated = {"lag": way.lag, "bioavailability": way.bioavailability, "rate": way.rate, "duration": way.duration}

        def kinetics(p: Names, u: Names) -> dict[str, Any]:
            known = self.values(0.0, p, u)
            return {k: 1.0 - known[n[1:]] if n.startswith("-") else known[n] for k, n in stated.items() if n}

        given = kinetics if any(stated.values()) else None
        return Route(way.name, way.state, f"into {way.state} [{amount}]", way.input, kinetics=given)


def drug(
    name: str,
    title: str,
    pieces: Sequence[Piece],
    individuals: Sequence[Individual],
    *,
    residuals: Mapping[str, ErrorModel],
    reference: Reference,
    checked: str,
    covariates: Sequence[Input] = (),
    derived: Mapping[str, str] | None = None,
    covariances: Mapping[tuple[str, str], float] | None = None,
    correlations: Mapping[tuple[str, str], float] | None = None,
    errata: Sequence[str] = (),
    domain: Domain | None = None,
    time_unit: str = "h",
    version: str = "1",
) -> Drug:
    """Put a drug model together. Many keywords: each is a part of what a publication says.

    ``derived`` are values worked out from covariates before the individual parameters, as text. ``covariances`` or
    ``correlations`` are those of η of two individual parameters. ``checked`` says how the numbers were checked and
    against what; ``errata`` where sources disagree and which was followed.
    """
    occasional = [Input(f"kappa_{i.name}", "1", f"{i.meaning}, between occasions") for i in individuals if i.between]
    rates = [i for piece in pieces for i in piece.inputs]
    inputs = [*covariates, *rates, *occasional]
    equations = _Equations(name, pieces, individuals, inputs, derived or {})
    omega = {i.name: i.omega for i in individuals}
    joint = {pair: value / (omega[pair[0]] * omega[pair[1]]) for pair, value in (covariances or {}).items()}
    joint |= dict(correlations or {})
    return Drug(
        name=name,
        version=version,
        title=title,
        states=[replace(s, least=0.0) for piece in pieces for s in piece.states],  # nothing here is less than nothing
        parameters=[
            *(Parameter(i.name, i.unit, f"{i.meaning}, typical", Fixed(i.typical), reference) for i in individuals),
            *(
                Parameter(
                    f"eta_{i.name}", "1", f"how {i.meaning} differs between people", Normal(0.0, i.omega), reference
                )
                for i in individuals
                if i.omega
            ),
        ],
        inputs=inputs,
        outputs=[o for piece in pieces for o in piece.outputs],
        derivative=equations.derivative,
        observe=equations.observe,
        initial=equations.initial,
        domain=domain or Domain(),
        references=(reference,),
        routes=[
            equations.route(w, piece.states[0].unit if piece.states else "") for piece in pieces for w in piece.ways_in
        ],
        residuals=residuals,
        correlations={(f"eta_{a}", f"eta_{b}"): value for (a, b), value in joint.items()},
        between_occasions={f"kappa_{i.name}": i.between for i in individuals if i.between},
        time_unit=time_unit,
        pieces=tuple(pieces),
        individuals=tuple(individuals),
        covariates=tuple(covariates),
        derived=dict(derived or {}),
        checked=checked,
        errata=tuple(errata),
    )
