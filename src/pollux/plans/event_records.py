"""The event records of pharmacometrics (one row a dose, an observation or a reset) as regimens and observations.

Columns, in any case of letters: ID, TIME, AMT, EVID, CMT, RATE, II, ADDL, SS, DV, MDV. Without EVID a row with an
amount is a dose and one without is an observation. RATE −1 and −2 say that the model states rate or duration.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from pollux.errors import RefusedInput
from pollux.plans.regimen import Dose, Regimen, Reset

Row = Mapping[str, str | float]
_MISSING = ("", ".", "NA", "nan", "NaN")


@dataclass(frozen=True, eq=False)
class Subject:
    """One person of a data set: what was given, and what was measured when and in which compartment."""

    id: str
    regimen: Regimen
    times: tuple[float, ...]
    values: tuple[float, ...]
    compartments: tuple[int, ...]


def subjects(
    rows: Iterable[Row],
    routes: Mapping[int, str] | None = None,
    covariates: Mapping[str, str] | None = None,
    carry: Literal["next", "last"] = "next",
) -> list[Subject]:
    """Read event records; rows of one ID stand together.

    ``routes`` names the route of doses into each compartment (not needed where the model has one). ``covariates`` gives
    for an input of the model the column that it stands in. A covariate that changes holds, with ``carry`` "next", from
    the previous record on ("next observation carried backward", the habit of the field), with "last" from its own.

    >>> rows = [{"ID": 1, "TIME": 0, "AMT": 100, "EVID": 1}, {"ID": 1, "TIME": 2, "DV": 17.3, "EVID": 0}]
    >>> person, = subjects(rows)
    >>> person.regimen.events[0].amount, person.times, person.values
    (100.0, (2.0,), (17.3,))
    """
    whole = [(k, {name.upper(): value for name, value in row.items()}) for k, row in enumerate(rows, start=1)]
    found = []
    for name, lines in groupby(whole, key=lambda line: str(line[1].get("ID", "1"))):
        found.append(_subject(name, list(lines), routes or {}, covariates or {}, carry))
    return found


def _number(row: Mapping[str, str | float], column: str, line: int, missing: float = 0.0) -> float:
    value = row.get(column, missing)
    if isinstance(value, str) and value.strip() in _MISSING:
        return missing
    try:
        return float(value)
    except ValueError:
        raise RefusedInput(
            f"{column} is not a number", where=f"record {line}", advice="Write numbers, or . for none."
        ) from None


def _subject(
    name: str,
    lines: Sequence[tuple[int, Mapping[str, str | float]]],
    routes: Mapping[int, str],
    covariates: Mapping[str, str],
    carry: str,
) -> Subject:
    events: list[Dose | Reset] = []
    observed: list[tuple[float, float, int]] = []
    last = -float("inf")
    for line, row in lines:
        time = _number(row, "TIME", line)
        kind = int(_number(row, "EVID", line, 1.0 if _number(row, "AMT", line) > 0 else 0.0))
        anew = kind in (3, 4)
        if time < last and not anew:
            raise RefusedInput(
                f"the time {time:g} comes after {last:g}", where=f"record {line}", advice="Sort by time."
            )
        last = time
        if anew:
            events.append(Reset(time))
        if kind in (1, 4):
            events.append(_dose(row, line, time, routes))
        elif kind == 0 and not _number(row, "MDV", line):
            observed.append((time, _number(row, "DV", line), int(_number(row, "CMT", line))))
        elif kind not in (0, 2, 3):
            raise RefusedInput(
                f"EVID {kind} is not known", where=f"record {line}", advice="Known are 0 to 4; code infusions by RATE."
            )
    courses = {i: _course(c, lines, carry) for i, c in covariates.items()}
    times, values, compartments = zip(*observed, strict=True) if observed else ((), (), ())
    return Subject(name, Regimen(events, courses), times, values, compartments)


def _dose(row: Mapping[str, str | float], line: int, time: float, routes: Mapping[int, str]) -> Dose:
    rate, steady = _number(row, "RATE", line), int(_number(row, "SS", line))
    if (rate < 0 and rate not in (-1.0, -2.0)) or steady not in (0, 1, 2):
        raise RefusedInput(
            f"RATE {rate:g} or SS {steady} is not known",
            where=f"record {line}",
            advice="RATE is positive, -1 or -2; SS is 0, 1 or 2.",
        )
    return Dose(
        time,
        _number(row, "AMT", line),
        routes.get(int(_number(row, "CMT", line, 1.0)), ""),
        rate=rate if rate > 0 else None,
        modelled="rate" if rate == -1 else "duration" if rate == -2 else "",
        additional=int(_number(row, "ADDL", line)),
        interval=_number(row, "II", line),
        steady_state="replace" if steady == 1 else "add" if steady == 2 else "",
    )


def _course(
    column: str, lines: Sequence[tuple[int, Mapping[str, str | float]]], carry: str
) -> float | list[tuple[float, float]]:
    """A covariate's values in time, said only where it changes."""
    known = [(_number(row, "TIME", line), _number(row, column.upper(), line, float("nan"))) for line, row in lines]
    known = [(t, v) for t, v in known if v == v]
    if not known:
        raise RefusedInput(f"the covariate {column} has no value", where=f"record {lines[0][0]}")
    pairs = [known[0]]
    for k, (time, value) in enumerate(known[1:], start=1):
        if value != pairs[-1][1]:
            begin = known[k - 1][0] if carry == "next" else time
            pairs = [p for p in pairs if p[0] < begin] + [(begin, value)]
    return pairs[0][1] if len(pairs) == 1 else pairs
