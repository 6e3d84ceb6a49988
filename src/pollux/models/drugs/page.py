"""The docs page of a drug model, made from the model: ``python -m pollux.models.drugs.page docs/models/drugs``.

Equations are not written a second time: the model's own functions are run on words instead of numbers.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pollux.equations import Additive, Combined, ErrorModel, LogNormalError, Proportional, StudentT
from pollux.equations.model import Named
from pollux.errors import ModelError
from pollux.models.drugs.drug import Drug, Individual
from pollux.models.drugs.pieces import WayIn

SUM, PRODUCT, SIGN, POWER, ATOM = range(5)  # how tightly the outermost operation of a text binds
_FUNCTIONS = ("exp", "log", "log10", "sqrt", "minimum", "maximum", "expm1", "log1p", "tanh", "absolute")
_SIGNS = {"less": "<", "less_equal": "≤", "greater": ">", "greater_equal": "≥", "equal": "=", "not_equal": "≠"}


class Words(np.lib.mixins.NDArrayOperatorsMixin):
    """An expression in words: what NumPy's functions do to it is written down.

    >>> CL, V, A = (Words(n) for n in ("CL", "V", "A"))
    >>> str(-(CL / V) * A + 0.0), str(1.0 * (CL + V) ** 0.75), str(np.exp(-A / (CL * V)))
    ('−(CL / V) · A', '(CL + V)^0.75', 'exp(−A / (CL · V))')
    """

    __hash__ = object.__hash__

    def __init__(self, text: str, binds: int = ATOM) -> None:
        self.text = text
        self.binds = binds

    def __str__(self) -> str:
        return self.text

    def within(self, binds: int) -> str:
        """The text, in brackets if it binds less tightly than what stands around it."""
        return self.text if self.binds >= binds else f"({self.text})"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Words":
        if method != "__call__" or options:
            raise ModelError(f"an equation uses np.{ufunc.__name__}.{method}, which cannot be put into words")
        name = ufunc.__name__
        parts = [_words(value) for value in inputs]
        if name in _WRITERS:
            return _WRITERS[name](*parts)
        if name in _SIGNS:
            return Words(f"{parts[0].within(PRODUCT)} {_SIGNS[name]} {parts[1].within(PRODUCT)}", SUM)
        if name in _FUNCTIONS:
            return Words(f"{name}({', '.join(str(p) for p in parts)})")
        raise ModelError(f"an equation uses np.{name}, which cannot be put into words")

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> "Words":
        if function is np.where and len(args) == 3 and not options:
            condition, yes, no = (_words(value) for value in args)
            return Words(f"{condition} ? {yes.within(PRODUCT)} : {no.within(PRODUCT)}", SUM)
        raise ModelError(f"an equation uses np.{function.__name__}, which cannot be put into words")


def _words(value: Any) -> Words:
    if isinstance(value, Words):
        return value
    number = f"{float(value):g}"
    return Words(number.replace("-", "−"), SIGN if number.startswith("-") else ATOM)


def _add(a: Words, b: Words) -> Words:
    if a.text == "0" or b.text == "0":
        return b if a.text == "0" else a
    if b.text.startswith("−") and b.binds >= PRODUCT:
        return Words(f"{a} − {b.text[1:]}", SUM)
    return Words(f"{a} + {b}", SUM)


def _subtract(a: Words, b: Words) -> Words:
    if b.text == "0":
        return a
    if b.text.startswith("−"):
        return Words(f"{a} − ({b})", SUM)
    return _negative(b) if a.text == "0" else Words(f"{a} − {b.within(PRODUCT)}", SUM)


def _negative(a: Words) -> Words:
    return Words(f"−{a.within(POWER)}", SIGN)


def _multiply(a: Words, b: Words) -> Words:
    if "0" in (a.text, b.text):
        return Words("0")
    if a.text == "1" or b.text == "1":
        return b if a.text == "1" else a
    return Words(f"{a.within(PRODUCT)} · {b.within(PRODUCT)}", PRODUCT)


def _divide(a: Words, b: Words) -> Words:
    return a if b.text == "1" else Words(f"{a.within(PRODUCT)} / {b.within(POWER)}", PRODUCT)


def _power(a: Words, b: Words) -> Words:
    return Words(f"{a.within(ATOM)}^{b.within(SIGN)}", POWER)


_WRITERS: Mapping[str, Callable[..., Words]] = {
    "add": _add, "subtract": _subtract, "negative": _negative, "multiply": _multiply, "divide": _divide,
    "true_divide": _divide, "power": _power, "float_power": _power, "square": lambda a: _power(a, Words("2")),
}  # fmt: skip


def equations(model: Drug) -> list[str]:
    """Every equation of the model in plain text: what pieces compute, the rates, the start, and the outputs."""
    x = Named("state", {n: Words(n) for n in model.state_names})
    known: dict[str, Any] = {n: Words(n) for n in (*model.input_names, *model.derived, "t")}
    known |= {i.name: Words(i.name) for i in model.individuals}
    lines: list[str] = []
    rates, start, shown = {n: Words("0") for n in model.state_names}, dict[str, Words](), dict[str, Words]()
    for piece in model.pieces:
        given = piece.gives(x, Named("value", known))
        lines += [f"{name} = {_words(value)}" for name, value in given.items() if str(_words(value)) != name]
        known |= {name: Words(name) for name in given}
    v = Named("value", known)
    for piece in model.pieces:
        for state, rate in piece.rates(x, v).items():
            rates[state] = _add(rates[state], _words(rate))
        start |= {state: _words(value) for state, value in piece.start(v).items()}
        shown |= {output: _words(value) for output, value in piece.observe(x, v).items()}
    lines += [f"d {state}/dt = {rate}" for state, rate in rates.items()]
    lines += [f"{state}(0) = {value}" for state, value in start.items() if value.text != "0"]
    return lines + [f"output {name} = {value}" for name, value in shown.items()]


def individual_law(individual: Individual) -> str:
    """How one person's value is formed, in one line."""
    name = individual.name
    apart = " + ".join([f"η_{name}"] * bool(individual.omega) + [f"κ_{name}"] * bool(individual.between))
    middle = f"TV_{name}"
    if individual.effect:
        middle += f" · ({signs(individual.effect)})"
    if not apart:
        return f"{name} = {middle}"
    if individual.scale == "log":
        return f"{name} = {middle} · exp({apart})"
    if individual.scale == "normal":
        return f"{name} = {middle} + {apart}"
    return f"logit({name}) = logit({middle}) + {apart}"


def signs(text: str) -> str:
    """An effect's text with the signs of print: (WT / 70)^0.75 · 0.5^HD."""
    return text.replace("**", "^").replace(" * ", " · ")


def error_words(error: ErrorModel) -> str:
    """The error of a measurement in words."""
    if isinstance(error, StudentT):
        return f"{error_words(error.of)}, Student-t with {error.degrees:g} degrees of freedom"  # type: ignore[arg-type]
    if isinstance(error, Additive):
        return f"additive, sd {error.a:.4g}"
    if isinstance(error, Proportional):
        return f"proportional, sd {100 * error.b:.4g} %"
    if isinstance(error, LogNormalError):
        return f"log-normal, sd of the logarithm {error.s:.4g}"
    if isinstance(error, Combined):
        how = "variances add" if error.sum == "variance" else "standard deviations add"
        return f"combined, sd {error.a:.4g} and {100 * error.b:.4g} %; {how}"
    return type(error).__name__


def page(model: Drug) -> str:
    """The page in Markdown."""
    time = _TIME[model.time_unit]
    sources = "; ".join(str(r) for r in model.references)
    covariates = [
        (f"`{i.name}`", i.unit, i.meaning, "must be said" if i.usual is None else f"{i.usual:g}")
        for i in model.covariates
    ]
    structure = [*(f"- {p.meaning}" for p in model.pieces), "", "```text", *equations(model), "```"]
    parts = [
        f"# {model.title}",
        f"`{model.name}` in `pollux.models.drugs.library()`, version {model.version}; time in {time}. "
        "This page is made from the model; changes go there.",
        f"**Checked.** {model.checked}",
        f"**Source.** {sources}. All values are from there unless a note says otherwise.",
        _section("Notes: where sources differ, and what was chosen", [f"- {text}" for text in model.errata]),
        _section("Structure", structure),
        _section("Individual values", _individuals(model)),
        _section(
            "Covariates", _table(("name", "unit", "meaning", "if not said"), covariates) if covariates else ["None."]
        ),
        _section("Doses", _doses(model)),
        _section("Measurements", _measurements(model)),
        _section("For whom", _domain(model)),
    ]
    return "\n\n".join(p for p in parts if p) + "\n"


_TIME = {"min": "minutes", "h": "hours", "d": "days"}


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def _individuals(model: Drug) -> list[str]:
    head = ("name", "meaning", "unit of the typical value", "typical", "between people", "between occasions")
    rows = [
        (
            f"`{i.name}`",
            i.meaning,
            i.unit,
            f"{i.typical:.6g}",
            i.said or "-",
            f"ω = {i.between:.4g}" if i.between else "-",
        )
        for i in model.individuals
    ]
    laws = [f"{name} = {signs(text)}" for name, text in model.derived.items()]
    laws += [individual_law(i) for i in model.individuals if i.effect or i.omega or i.between]
    lines = _table(head, rows)
    if laws:
        lines += ["", "```text", *laws, "```"]
    if model.correlations:
        said = [
            f"{a.removeprefix('eta_')} and {b.removeprefix('eta_')} {r:.3g}" for (a, b), r in model.correlations.items()
        ]
        lines += ["", f"Correlations of η: {', '.join(said)}."]
    if not any(i.omega for i in model.individuals):
        lines += ["", "No variability between people is stated."]
    return lines


def _doses(model: Drug) -> list[str]:
    units = {s.name: s.unit for s in model.states}
    rows = [
        (
            f"`{way.name}`",
            f"{way.state} [{units[way.state]}]",
            "at once, or as an infusion" if way.input else "at once",
            _kinetics(way),
        )
        for piece in model.pieces
        for way in piece.ways_in
    ]
    return _table(("route", "goes to", "given", "kinetics"), rows)


def _kinetics(way: WayIn) -> str:
    stated = {"lag": way.lag, "bioavailability": way.bioavailability, "rate": way.rate, "duration": way.duration}
    said = {kind: "1 − " + name[1:] if name.startswith("-") else name for kind, name in stated.items()}
    return ", ".join(f"{kind} {name}" for kind, name in said.items() if name) or "-"


def _measurements(model: Drug) -> list[str]:
    errors: Mapping[str, ErrorModel] = model.residuals
    rows = (
        (f"`{o.name}`", o.meaning, o.unit, error_words(errors[o.name]) if o.name in errors else "not stated")
        for o in model.outputs
    )
    return _table(("output", "meaning", "unit", "error"), rows)


def _domain(model: Drug) -> list[str]:
    if not model.domain.ranges:
        return ["The model states no ranges of covariates. Whom it holds for is to be read in the source."]
    return [f"- {r.name} {r.low:g} to {r.high:g} {r.unit}: {r.reason}" for r in model.domain.ranges]


def pages() -> dict[str, str]:
    """Every page of the library by its file name."""
    from pollux.models.drugs import library

    return {f"{name}.md": page(model) for name, model in library().items()}


def write(folder: Path) -> list[Path]:
    """Write every page; a page whose model is gone is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for old in folder.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in wanted]


if __name__ == "__main__":
    for path in write(Path(sys.argv[1])):
        print(path)
