"""What a file costs grows with its size and no faster, in every format and shape: time and memory.

Sizes are compared with each other, never with a clock: an exponent of 1 is linear. Where a busy machine makes one look
worse it is measured again, and the least of each size counts.
"""

import math
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import process_time

import pytest

from pollux.care.treatment.genes import sites
from pollux.errors import RefusedInput
from pollux.plans import parse
from pollux.record import Record, examine
from pollux.sources import kept, read, says_whose
from pollux.sources.vcf import read as genome
from pollux.store import Store
from pollux.vocabulary.negation import none_known, says_no_allergy, says_not_so, says_perhaps_stopped
from tests.sources.growing import GENOMES, SHAPES, Shape

NOW = datetime(2036, 1, 1, tzinfo=UTC)
STEEPEST = 1.2
TIMES = 12  # tries before a law counts as broken; it stops at the first that holds
SIZES = (100, 300, 900)
Cost = Callable[[int], float]
# What the store has to look up, put together or hold against what is there.
INTO_THE_STORE = (
    "table_in_turns", "nightscout_again", "fhir_collection", "fhir_people", "fhir_conditional",
    "fhir_history", "fhir_deletions", "fhir_invalid_versions", "fhir_statements", "fhir_links", "fhir_components",
)  # fmt: skip


def steepness(cost: Cost, sizes: tuple[int, ...] = SIZES) -> float:
    """The exponent with which a cost grows, by least squares; the least of all tries for each size."""
    cost(sizes[0])  # what is made once
    least = dict.fromkeys(sizes, math.inf)
    found = math.inf
    for _ in range(TIMES):
        least = {size: min(before, max(cost(size), 1e-4)) for size, before in least.items()}
        x = [math.log(size) for size in sizes]
        y = [math.log(least[size]) for size in sizes]
        middle = sum(x) / len(x)
        found = sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)
        if found <= STEEPEST:
            break
    return found


def path_of(folder: Path, shape: Shape, n: int) -> Path:
    path = folder / f"{n}"
    if not path.exists():
        path.write_bytes(shape(n))
    return path


def read_all(path: Path) -> None:
    person = "" if says_whose(path) else "p1"
    with suppress(RefusedInput):  # a bad file is refused; that grows with it too
        for _ in read(path, learned=NOW, person=person, timezone="UTC"):
            pass


def seconds(work: Callable[[], object]) -> float:
    begun = process_time()
    work()
    return process_time() - begun


def megabytes(work: Callable[[], object]) -> float:
    """The most memory that was held at once, beyond one megabyte."""
    tracemalloc.start()
    try:
        work()
        return 1.0 + tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", SHAPES)
def test_time_to_read_grows_with_the_file(name: str, tmp_path: Path) -> None:
    assert steepness(lambda n: seconds(lambda: read_all(path_of(tmp_path, SHAPES[name], n)))) <= STEEPEST


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_memory_to_read_grows_with_the_file(name: str, tmp_path: Path) -> None:
    assert steepness(lambda n: megabytes(lambda: read_all(path_of(tmp_path, SHAPES[name], n))), (80, 240)) <= STEEPEST


@pytest.mark.parametrize("name", GENOMES)
def test_time_to_read_a_genome_grows_with_the_file(name: str, tmp_path: Path) -> None:
    asked = sites()

    def ask(n: int) -> None:
        with suppress(RefusedInput):
            genome(path_of(tmp_path, GENOMES[name], n), asked)

    assert steepness(lambda n: seconds(lambda: ask(n)), (500, 1500, 4500)) <= STEEPEST


@pytest.mark.slow
@pytest.mark.parametrize("name", INTO_THE_STORE)
def test_time_to_take_grows_with_the_file(name: str, tmp_path: Path) -> None:
    number = count()

    def take(n: int) -> float:
        path = path_of(tmp_path, SHAPES[name], n)
        person = "" if says_whose(path) else "p1"
        with Store.open(tmp_path / f"{next(number)}.pollux.db") as store:
            entries = read(path, learned=NOW, person=person, timezone="UTC")
            return seconds(lambda: store.take(entries, NOW))

    assert steepness(take, (60, 180, 540) if "people" in name else (80, 240, 720)) <= STEEPEST


@pytest.mark.parametrize("name", ["table_of_people", "table_in_turns"])
def test_time_to_keep_a_table_of_many_people_grows_with_it(name: str, tmp_path: Path) -> None:
    def keep(n: int) -> None:
        for _ in kept(path_of(tmp_path, SHAPES[name], n), ""):
            pass

    assert steepness(lambda n: seconds(lambda: keep(n)), (1000, 3000, 9000)) <= STEEPEST


@pytest.mark.parametrize("name", ["table_of_one_instant", "table_of_doses", "table", "nightscout_again"])
def test_time_to_examine_a_record_grows_with_it(name: str, tmp_path: Path) -> None:
    from pollux.record import Event, Person

    def ask(n: int) -> float:
        path = path_of(tmp_path, SHAPES[name], n)
        found = [one.item for one in read(path, learned=NOW, person="p1", timezone="UTC")]
        events = tuple(item for item in found if isinstance(item, Event))
        return seconds(lambda: examine(Record(Person("p1"), events)))

    assert steepness(ask) <= STEEPEST


WORDS = ("meal 60 g", "bolus", "basal 0.4 U/h for 3 h", " ", "1", "no ", "no known ", "allergy ", "a", "nimmt ", ". ")
READERS: dict[str, Callable[[str], object]] = {
    "plan": lambda text: parse(f"meal {text}x", NOW),
    "none known": lambda text: none_known(f"no allergies {text}x"),
    "no allergy": says_no_allergy,
    "not so": says_not_so,
    "perhaps stopped": says_perhaps_stopped,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("word", WORDS)
def test_time_to_hear_a_text_grows_with_it(reader: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLLUX_LIMITS", "plan=1000000")

    def ask(n: int) -> None:
        with suppress(RefusedInput):
            READERS[reader](word * n)

    assert steepness(lambda n: seconds(lambda: ask(n)), (1000, 4000, 16000)) <= STEEPEST
