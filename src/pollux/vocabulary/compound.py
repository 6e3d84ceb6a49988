"""Units put together of others: ``L/h/kg``, ``mL/(min.kg)``, ``m2``, after UCUM's grammar (ucum.org, section 2.2).

The vocabulary's own units (``units``) are what records are kept in; these are what equations are written in.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from pollux.errors import UnknownName

# base units of mass, length, time, amount of substance, and two that stand for themselves
_ATOMS: dict[str, tuple[Fraction, dict[str, int]]] = {
    "g": (Fraction(1), {"mass": 1}),
    "m": (Fraction(1), {"length": 1}),
    "L": (Fraction(1, 1000), {"length": 3}),
    "s": (Fraction(1), {"time": 1}),
    "min": (Fraction(60), {"time": 1}),
    "h": (Fraction(3600), {"time": 1}),
    "d": (Fraction(86400), {"time": 1}),
    "wk": (Fraction(604800), {"time": 1}),
    "mo": (Fraction(2629800), {"time": 1}),
    "a": (Fraction(31557600), {"time": 1}),
    "mol": (Fraction(1), {"amount": 1}),
    "U": (Fraction(1), {"unit": 1}),
    "[IU]": (Fraction(1), {"unit": 1}),
    "Pa": (Fraction(1000), {"mass": 1, "length": -1, "time": -2}),
    "m[Hg]": (Fraction(133322000), {"mass": 1, "length": -1, "time": -2}),
    "%": (Fraction(1, 100), {}),
}  # fmt: skip
_PREFIXES = {
    "k": Fraction(1000), "d": Fraction(1, 10), "c": Fraction(1, 100), "m": Fraction(1, 1000), "u": Fraction(1, 10**6),
    "n": Fraction(1, 10**9), "p": Fraction(1, 10**12), "f": Fraction(1, 10**15),
}  # fmt: skip
_TOKEN = re.compile(r"\{[^}]*\}|10\*-?[0-9]+|[0-9]+|[./()]|[A-Za-z%]*(?:\[[A-Za-z]+\])?(?:-?[0-9]+)?")


_LONGEST, _HIGHEST = 100, 99  # signs of a unit; a power in it


@dataclass(frozen=True)
class Compound:
    """A unit as a factor and powers of base dimensions; ``{"length": 3, "time": -1}`` is a flow."""

    factor: Fraction
    powers: tuple[tuple[str, int], ...]

    def __mul__(self, other: "Compound") -> "Compound":
        powers = dict(self.powers)
        for name, power in other.powers:
            powers[name] = powers.get(name, 0) + power
        return Compound(self.factor * other.factor, _sorted(powers))

    def __pow__(self, power: int) -> "Compound":
        return Compound(self.factor**power, _sorted({n: p * power for n, p in self.powers}))


def _sorted(powers: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((n, p) for n, p in powers.items() if p))


@cache
def compound(code: str) -> Compound:
    """What a compound unit is made of.

    >>> compound("mL/(min.kg)") == compound("L/min/kg") * compound("10*-3")
    True
    >>> compound("L/h").powers
    (('length', 3), ('time', -1))
    """
    tokens = [t for t in _TOKEN.findall(code[:_LONGEST]) if t]
    if "".join(tokens) != code or not tokens:
        raise _unknown(code)
    result, rest = _term(tokens, code)
    if rest:
        raise _unknown(code)
    return result


def _term(tokens: list[str], code: str) -> tuple[Compound, list[str]]:
    whole, divide = Compound(Fraction(1), ()), False
    if tokens[:1] == ["/"]:
        divide, tokens = True, tokens[1:]
    while tokens:
        token, *tokens = tokens
        if token == "(":
            part, tokens = _term(tokens, code)
            if tokens[:1] != [")"]:
                raise _unknown(code)
            tokens = tokens[1:]
        else:
            part = _component(token, code)
        whole = whole * (part**-1 if divide else part)
        if not tokens or tokens[0] == ")":
            return whole, tokens
        if tokens[0].startswith("{"):  # an annotation says what is counted, and changes nothing
            tokens = tokens[1:]
            continue
        if tokens[0] not in "./":
            raise _unknown(code)
        divide, tokens = tokens[0] == "/", tokens[1:]
    if divide:
        raise _unknown(code)
    return whole, tokens


def _component(token: str, code: str) -> Compound:
    if token.startswith("{"):
        return Compound(Fraction(1), ())
    if token.startswith("10*"):
        return Compound(Fraction(10) ** _power(token[3:], code), ())
    if token.isdigit():
        return Compound(Fraction(token), ())
    name = token.rstrip("-0123456789")
    power = _power(token[len(name) :] or "1", code)
    for prefix, scale in (("", Fraction(1)), *_PREFIXES.items()):
        atom = name.removeprefix(prefix)
        if name.startswith(prefix) and atom in _ATOMS:
            factor, powers = _ATOMS[atom]
            return Compound(factor * scale, _sorted(powers)) ** power
    raise _unknown(code)


def _power(text: str, code: str) -> int:
    if abs(int(text)) > _HIGHEST:
        raise _unknown(code)
    return int(text)


def _unknown(code: str) -> UnknownName:
    known = ", ".join(_ATOMS)
    return UnknownName(
        f"the unit {code[:40]!r} cannot be read", advice=f"Write UCUM, as in mL/(min.kg), of: {known}, with prefixes."
    )
