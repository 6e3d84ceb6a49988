"""Who is who, and what may be done with their data: merged ids, holds, restrictions. All of it can be undone."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from pollux.errors import PolluxError, UnknownName
from pollux.store.chart import Hold, find_chart, open_chart
from pollux.store.filing import Filing
from pollux.store.keys import Keys
from pollux.store.open_chart import OpenChart
from pollux.store.tables import CHART


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


def let_go(connection: Connection, keys: Keys) -> Iterator[tuple[bytes, dict[str, int | str]]]:
    """Unmerge ids from those who are gone: else they would be merged into whoever comes under that id next.

    Gives whose charts were changed, and what the audit says of each.
    """
    for who, version, sealed in connection.execute(select(CHART)).all():
        keyed = keys.find_who(who)
        if keyed is None:
            continue
        chart = open_chart(sealed, version, keyed)
        gone = {id for id in (*chart.also, chart.into) if id and find_chart(connection, keys, id) is None}
        if gone:
            chart.into = "" if chart.into in gone else chart.into
            chart.also = [id for id in chart.also if id not in gone]
            yield who, OpenChart(connection, keys, keyed, chart, version).close()


def known(filing: Filing, person: str) -> OpenChart:
    """The chart of somebody who has to be here."""
    chart = filing.find(person)
    if chart is None:
        raise UnknownName(f"nobody here has the id {person[:80]!r}", advice="`pollux people` lists who is known.")
    return chart
