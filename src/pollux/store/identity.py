"""Who is who, and what may be done with their data: merged ids, holds, restrictions. All of it can be undone."""

from pollux.errors import PolluxError, UnknownName
from pollux.store.chart import Hold
from pollux.store.filing import Filing
from pollux.store.open_chart import OpenChart


def hold(filing: Filing, person: str, reason: str, by: str, at: str) -> None:
    """Forbid erasure."""
    if not reason.strip():
        raise PolluxError("a hold needs a reason", advice="Say which duty or claim forbids to erase.")
    chart = known(filing, person)
    chart.chart.holds.append(Hold(reason, at, by))
    chart.changed = True


def release(filing: Filing, person: str) -> None:
    """End all holds."""
    chart = known(filing, person)
    chart.chart.holds = []
    chart.changed = True


def restrict(filing: Filing, person: str, reason: str) -> None:
    """Keep the data and use them for nothing."""
    if not reason.strip():
        raise PolluxError("a restriction needs a reason", advice="Say for example: accuracy contested by the patient.")
    chart = known(filing, person)
    chart.chart.restricted = reason
    chart.changed = True


def unrestrict(filing: Filing, person: str) -> None:
    """End the restriction."""
    chart = known(filing, person)
    chart.chart.restricted = ""
    chart.changed = True


def merge(filing: Filing, duplicate: str, into: str) -> None:
    """Let the record of `into` hold that of `duplicate` too. Each keeps its own chart and key."""
    one, other = known(filing, duplicate), known(filing, into)
    if duplicate == into:
        raise PolluxError("a person cannot be merged with themself", where=duplicate)
    for id, chart in ((duplicate, one), (into, other)):
        if chart.chart.into:
            raise PolluxError(
                f"{id} is merged into {chart.chart.into} already", where=id, advice="Name that one, or unmerge first."
            )
    one.chart.into = into
    other.chart.also.append(duplicate)
    one.changed = other.changed = True


def unmerge(filing: Filing, duplicate: str) -> None:
    """Take two records apart again."""
    one = known(filing, duplicate)
    if not one.chart.into:
        raise PolluxError(f"{duplicate} is not merged into anybody", where=duplicate)
    other = known(filing, one.chart.into)
    other.chart.also.remove(duplicate)
    one.chart.into = ""
    one.changed = other.changed = True


def known(filing: Filing, person: str) -> OpenChart:
    """The chart of somebody who has to be here."""
    chart = filing.find(person)
    if chart is None:
        raise UnknownName(f"nobody here has the id {person[:80]!r}", advice="`pollux people` lists who is known.")
    return chart
