"""The pages of the drug models say what the models are."""

import re
from pathlib import Path

import numpy as np
import pytest

from pollux.equations.model import Named
from pollux.models.drugs import Drug, library
from pollux.models.drugs.page import equations, individual_law, page, pages, signs, write

DOCS = Path(__file__).parents[3] / "docs/models"
EVERY = pytest.mark.parametrize("name", library())


@EVERY
def test_the_page_is_what_the_model_says_now(name: str) -> None:
    written = (DOCS / "drugs" / f"{name}.md").read_text(encoding="utf-8")
    assert written == page(library()[name]), "run: python -m pollux.models.drugs.page docs/models/drugs"


def test_no_page_is_left_of_a_model_that_is_gone() -> None:
    assert {p.name for p in (DOCS / "drugs").glob("*.md")} == set(pages())


def test_writing_removes_pages_of_models_that_are_gone(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text("old")
    assert {p.name for p in write(tmp_path)} == set(pages()) == {p.name for p in tmp_path.iterdir()}


def test_the_page_of_the_library_links_every_model() -> None:
    told = (DOCS / "drugs.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\(drugs/([a-z0-9-]+)\.md\)", told))
    assert linked == set(library())


def test_that_page_says_of_every_model_what_it_was_checked_against() -> None:
    """In the words with which the model's own page begins to say it."""
    told = (DOCS / "drugs.md").read_text(encoding="utf-8")
    marks = dict(re.findall(r"^\| \[.*\| `([a-z0-9-]+)` \| (.+) \|$", told, re.MULTILINE))
    assert set(marks) == set(library())
    assert [n for n, model in library().items() if not model.checked.startswith(marks[n])] == []


def test_the_examples_of_that_page_run() -> None:
    told = (DOCS / "drugs.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", told, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    seen: dict[str, object] = {}
    for indent, code in blocks:
        exec("\n".join(line.removeprefix(indent) for line in code.splitlines()), seen)
    assert isinstance(seen["EXAMPLE"], Drug)


def value(text: str, known: dict[str, float]) -> float:
    """A printed right-hand side, read as arithmetic."""
    code = text.replace("·", "*").replace("−", "-").replace("^", "**")
    functions = {n: getattr(np, n) for n in ("exp", "log", "log10", "sqrt", "minimum", "maximum", "where")}
    return float(eval(code, {"__builtins__": {}, **functions}, known))


def numbers(model: Drug, rng: np.random.Generator) -> tuple[float, Named, Named, Named, dict[str, float]]:
    """A time, states, parameters and inputs by chance, and by name all that the printed equations speak of."""
    t = float(rng.uniform(2.0, 50.0))
    x = {n: float(v) for n, v in zip(model.state_names, rng.uniform(0.5, 2.0, len(model.states)), strict=True)}
    u = {i.name: float(rng.uniform(0.2, 0.9)) for i in model.inputs}  # no more than two alleles of a gene
    p = {q.name: float(q.prior.from_standard(rng.standard_normal())) for q in model.parameters}
    return (
        t,
        Named("state", x),
        Named("parameter", p),
        Named("input", u),
        {"t": t, **x, **u, **model.individual(p, u, t)},
    )


@EVERY
def test_the_printed_equations_give_what_the_model_computes(name: str) -> None:
    model = library()[name]
    t, x, p, u, known = numbers(model, np.random.default_rng(5))
    rates, outputs = model.rates(t, x, p, u), model.readings(t, x, p, u)
    start = model.start(p, u)
    seen = {"rates": 0, "outputs": 0}
    for line in equations(model):
        left, _, right = line.partition(" = ")
        if left.startswith("d "):
            state = left.removeprefix("d ").removesuffix("/dt")
            assert value(right, known) == pytest.approx(rates[state], rel=1e-5, abs=1e-12), line
            seen["rates"] += 1
        elif left.startswith("output "):
            assert value(right, known) == pytest.approx(outputs[left.removeprefix("output ")], rel=1e-5), line
            seen["outputs"] += 1
        elif left.endswith("(0)"):
            at_start = known | model.individual(
                dict(vars_of(p, model.parameter_names)), dict(vars_of(u, model.input_names))
            )
            assert value(right, at_start) == pytest.approx(start[left.removesuffix("(0)")], rel=1e-5), line
        else:
            known[left] = value(right, known)
    assert seen == {"rates": len(model.states), "outputs": len(model.outputs)}


@EVERY
def test_the_printed_laws_of_individual_values_give_one_person(name: str) -> None:
    """Typical value, effect and spread as they stand on the page, read as arithmetic, in the order of the page."""
    model = library()[name]
    t, _, p, u, known = numbers(model, np.random.default_rng(7))
    shown = {i.name for i in model.individuals if i.effect or i.omega or i.between}
    seen = {"t": t} | {f"TV_{i.name}": i.typical for i in model.individuals} | dict(vars_of(u, model.input_names))
    seen |= {f"η_{n.removeprefix('eta_')}": v for n, v in vars_of(p, model.parameter_names) if n.startswith("eta_")}
    seen |= {f"κ_{n.removeprefix('kappa_')}": v for n, v in vars_of(u, model.input_names) if n.startswith("kappa_")}
    laws = [f"{n} = {signs(text)}" for n, text in model.derived.items()]
    for individual in model.individuals:
        laws.append(individual_law(individual))
        assert (f"\n{laws[-1]}\n" in page(model)) == (individual.name in shown)
    for law in laws:
        left, _, right = law.partition(" = ")
        seen[left] = value(right, seen)
        if left in shown:
            assert seen[left] == pytest.approx(known[left], rel=1e-9), law


def vars_of(named: Named, names: tuple[str, ...]) -> list[tuple[str, float]]:
    return [(n, float(getattr(named, n))) for n in names]
