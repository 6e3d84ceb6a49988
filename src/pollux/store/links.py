"""Two ids of one sender that are one person, as it says: merged once both are here, unless something is against it.

A link lies with the patient whose resource states it. Until the other one comes it waits, found by a keyed hash of that
id. Where the two have another birth date or sex, or one of them is merged into somebody else, nothing is merged and it
is told. What somebody took apart by hand stays apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
from sqlalchemy import Connection

from pollux.record.entry import Link
from pollux.record.quality import Finding
from pollux.store.chart import Chart, Linked, read_chart
from pollux.store.contradiction import contradictions
from pollux.store.filing import Filing
from pollux.store.identity import known, merge, unmerge
from pollux.store.index import identifier_mark
from pollux.store.keys import Keys
from pollux.store.open_chart import OpenChart
from pollux.store.statements import merged
from pollux.store.tables import IDENTIFIED

WAITS, MERGED, SAME, ASKED, APART = "", "merged", "same", "asked", "apart"
_OPEN = (WAITS, ASKED)
_NOT_SEX_AND_BIRTH = {"name"}  # people marry


class Linking:
    """Carries out what senders say of their ids, at the end of an import."""

    def __init__(self, filing: Filing) -> None:
        self._filing = filing
        self._at: dict[str, dict[tuple[str, str], int]] = {}  # by whose chart it is in, where each link stands
        self._waiting: dict[str, dict[str, list[int]]] = {}  # and which links wait that name somebody
        self._changed: dict[str, None] = {}  # charts whose links are to be found anew

    def take(self, links: Iterable[tuple[str, Link]], introduced: Iterable[str]) -> list[Finding]:
        """Note new links and carry out those whose people are both here; what has to be told of them.

        `introduced` are people of whom something was stated for the first time: somebody's link may wait for them.
        """
        touched: dict[tuple[str, str, str], None] = {}
        for person, link in links:
            home = next((id for id in (person, link.duplicate, link.into) if self._here(id)), "")
            if home and link.duplicate != link.into:
                self._note(home, link)
                touched[home, link.duplicate, link.into] = None
        for person in introduced:
            for home, one in self._waiting_for(person):
                touched[home, one.duplicate, one.into] = None
        found = [finding for home, duplicate, into in touched for finding in self._carry_out(home, duplicate, into)]
        for home in self._changed:
            index_links(self._filing.chart(home), self._filing.keys)
        return found

    def _places(self, home: str) -> dict[tuple[str, str], int]:
        if home not in self._at:
            links = self._filing.chart(home).chart.links
            self._at[home] = {(one.duplicate, one.into): i for i, one in reversed([*enumerate(links)])}
        return self._at[home]

    def _here(self, id: str) -> bool:
        chart = self._filing.find(id) if id else None
        return chart is not None and bool(chart.chart.stated)

    def _note(self, home: str, link: Link) -> None:
        chart = self._filing.chart(home)
        number = chart.importing.number if chart.importing else 0
        new = Linked(link.duplicate, link.into, number)
        places = self._places(home)
        if (link.duplicate, link.into) in places:
            chart.notes.links.append(new)
        else:
            places[link.duplicate, link.into] = len(chart.chart.links)
            chart.chart.links.append(new)
        chart.changed = True

    def _waiting_for(self, person: str) -> Iterator[tuple[str, Linked]]:
        mark = identifier_mark(self._filing.keys, "Link", person)
        homes = [chart.person for chart in self._filing.charts_marked(mark)]
        for home in homes:
            links = self._filing.chart(home).chart.links
            if home not in self._waiting:
                self._waiting[home] = defaultdict(list)
                for i, one in enumerate(links):
                    for id in {one.duplicate, one.into} if one.state == WAITS else ():
                        self._waiting[home][id].append(i)
            yield from ((home, links[i]) for i in self._waiting[home].get(person, ()))

    def _carry_out(self, home: str, duplicate: str, into: str) -> Iterator[Finding]:
        chart = self._filing.chart(home)
        links = chart.chart.links
        at = self._places(home)[duplicate, into]
        if links[at].state in _OPEN:
            state, why = self._decide(duplicate, into)
            links[at] = msgspec.structs.replace(links[at], state=state, why=why)
            chart.changed = True
            self._changed[home] = None
            yield from told(links[at])

    def _decide(self, duplicate: str, into: str) -> tuple[str, str]:
        """Merge the two where nothing is against it; what became of the link, and why."""
        if not (self._here(duplicate) and self._here(into)):
            return WAITS, ""
        one, other = self._filing.group(duplicate), self._filing.group(into)
        if one[0] is other[0]:
            return SAME, ""
        above = self._filing.chart(duplicate).chart.into
        if above:
            return ASKED, f"{duplicate} is merged into {above} already"
        left, right = ([s for chart in some for s in chart.chart.stated] for some in (one, other))
        against = [f for f in contradictions(merged(left), merged(right)) if f not in _NOT_SEX_AND_BIRTH]
        if against:
            return ASKED, f"they differ in {' and '.join(against)}"
        merge(self._filing, duplicate, other[0].chart.person)
        return MERGED, ""


def told(link: Linked) -> list[Finding]:
    """What a person has to know of a link."""
    says = f"the sender says that {link.duplicate} was replaced by {link.into}"
    if link.state == ASKED:
        text = f"{says}, but {link.why}; if they are one person: pollux merge {link.duplicate} --into {link.into}"
        return [Finding("perhaps one person", "conformance", "flag", text, where=link.duplicate)]
    if link.state == MERGED:
        text = f"{says}: they are one person now; `pollux unmerge {link.duplicate}` takes them apart again"
        return [Finding("one person", "conformance", "flag", text, where=link.duplicate)]
    return []


def asked(charts: Iterable[Chart]) -> list[Finding]:
    """What is left to somebody to decide, and what waits for somebody who is not here yet."""
    some = list(charts)
    left = [finding for chart in some for link in chart.links if link.state == ASKED for finding in told(link)]
    return left + [
        Finding(
            "waits for another", "conformance", "flag",
            f"its sender says that {link.duplicate} and {link.into} are one person; they are merged once both are here",
            where=chart.person,
        )
        for chart in some for link in chart.links if link.state == WAITS
    ]  # fmt: skip


def index_links(chart: OpenChart, keys: Keys) -> None:
    """Let links that are not carried out be found by the other id that they name."""
    chart.index_links(link_marks(keys, chart.chart))


def link_marks(keys: Keys, chart: Chart) -> set[bytes]:
    """By what the links of a chart that are not carried out are found."""
    others = {id for one in chart.links if one.state in _OPEN for id in (one.duplicate, one.into)} - {chart.person}
    return {identifier_mark(keys, "Link", other) for other in others}


def take_apart(filing: Filing, duplicate: str) -> None:
    """Unmerge by hand: the same link does not merge them again."""
    known(filing, duplicate)
    charts = filing.group(duplicate)
    unmerge(filing, duplicate)
    for chart in charts:
        links = chart.chart.links
        for i, one in enumerate(links):
            if one.duplicate == duplicate and one.state in (MERGED, SAME):
                links[i] = msgspec.structs.replace(one, state=APART)
                chart.changed = True


def forget(connection: Connection, keys: Keys, erased: Iterable[str]) -> Iterator[tuple[bytes, dict[str, int | str]]]:
    """Drop links that wait for somebody who is erased: whoever comes under that id next may be another.

    Gives whose charts were changed, and what the audit says of each.
    """
    for id in erased:
        for who, _ in connection.execute(IDENTIFIED, {"by": identifier_mark(keys, "Link", id)}).all():
            keyed = keys.find_who(who)
            row = read_chart(connection, keyed) if keyed else None
            if keyed is None or row is None:
                continue
            chart = OpenChart(connection, keys, keyed, *row)
            chart.chart.links = [one for one in chart.chart.links if id not in (one.duplicate, one.into)]
            index_links(chart, keys)
            yield who, chart.close()
