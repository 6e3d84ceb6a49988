"""How a drug comes into the central compartment other than through a vein."""

from pollux.equations import Input, State
from pollux.models.drugs.pieces import Expressions, Names, Piece, WayIn


def first_order(
    ka: str = "ka", lag: str = "", bioavailability: str = "", name: str = "oral", amount: str = "mg"
) -> Piece:
    """D′ = −ka D, and ka D enters the central compartment; ``name`` is the route (oral, sc …)."""
    depot = "depot" if name == "oral" else f"depot_{name}"
    return Piece(
        f"first-order absorption ({name})" + (" with lag" if lag else ""),
        needs=(ka, *filter(None, (lag, bioavailability))),
        states=(State(depot, amount, f"amount not yet absorbed, {name}"),),
        ways_in=(WayIn(name, depot, lag=lag, bioavailability=bioavailability),),
        rates=lambda x, v: {
            depot: -getattr(v, ka) * getattr(x, depot),
            "central": getattr(v, ka) * getattr(x, depot),
        },
    )


def zero_order(duration: str = "D1", lag: str = "", bioavailability: str = "", name: str = "oral") -> Piece:
    """Absorbed evenly over a time that the model states: give doses with ``modelled="duration"``."""
    rate = f"rate_{name}"
    return Piece(
        f"zero-order absorption ({name})",
        needs=(duration, *filter(None, (lag, bioavailability))),
        inputs=(Input(rate, "mg/h", f"absorption, {name}"),),
        ways_in=(WayIn(name, "central", rate, lag=lag, bioavailability=bioavailability, duration=duration),),
        rates=lambda x, v: {"central": getattr(v, rate)},
    )


def transit(
    count: int, ktr: str = "ktr", ka: str = "", bioavailability: str = "", name: str = "oral", amount: str = "mg"
) -> Piece:
    """A chain of ``count`` equal compartments; the last empties into the central one (at ``ka``, else ``ktr``).

    T1′ = −ktr T1, Tk′ = ktr (Tk−1 − Tk): absorption after an Erlang-distributed time.
    """
    states = tuple(f"transit{k}" for k in range(1, count + 1))

    def rates(x: Names, v: Names) -> Expressions:
        speeds = [getattr(v, ktr)] * (count - 1) + [getattr(v, ka or ktr)]
        out = [speed * getattr(x, s) for speed, s in zip(speeds, states, strict=True)]
        change = {states[0]: -out[0]} | {s: out[k] - out[k + 1] for k, s in enumerate(states[1:])}
        return change | {"central": out[-1]}

    return Piece(
        f"absorption through {count} transit compartments ({name})",
        needs=tuple(dict.fromkeys(filter(None, (ktr, ka, bioavailability)))),
        states=tuple(State(s, amount, f"amount in transit compartment {k}") for k, s in enumerate(states, start=1)),
        ways_in=(WayIn(name, states[0], bioavailability=bioavailability),),
        rates=rates,
    )


def dual(fast: str = "ka1", slow: str = "ka2", share: str = "Ffast", lag_slow: str = "", amount: str = "mg") -> Piece:
    """Two first-order depots: the share ``Ffast`` of a dose goes the fast way, the rest the slow way.

    A dose is given twice, on the routes ``fast`` and ``slow``: their bioavailabilities are Ffast and 1 − Ffast.
    """
    return Piece(
        "dual first-order absorption",
        needs=(fast, slow, share, *filter(None, (lag_slow,))),
        states=(
            State("depot_fast", amount, "amount not yet absorbed, fast"),
            State("depot_slow", amount, "amount not yet absorbed, slow"),
        ),
        ways_in=(
            WayIn("fast", "depot_fast", bioavailability=share),
            WayIn("slow", "depot_slow", bioavailability=f"-{share}", lag=lag_slow),
        ),
        rates=lambda x, v: {
            "depot_fast": -getattr(v, fast) * x.depot_fast,
            "depot_slow": -getattr(v, slow) * x.depot_slow,
            "central": getattr(v, fast) * x.depot_fast + getattr(v, slow) * x.depot_slow,
        },
    )
