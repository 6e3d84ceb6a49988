"""Where the rows of the interaction tables were read."""

import csv
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from pollux.care.treatment.finding import Reference


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a table in this room."""
    with files("pollux.care.treatment.interactions").joinpath("tables", name).open(encoding="utf-8") as table:
        yield from csv.DictReader(table)


@cache
def sources() -> dict[str, Reference]:
    """Every source by its key."""
    return {
        row["key"]: Reference(
            row["body"], row["about"], row["year"], row["pmid"], row["read"], row["as_of"], row["first_hand"] == "yes"
        )
        for row in rows("sources.csv")
    }
