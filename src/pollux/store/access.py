"""Who asks, and what for: every access is written down before anything is handed out, and so is every refusal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from pollux.errors import PolluxError, UnknownName
from pollux.store.audit import Done
from pollux.store.database import Database
from pollux.store.erasure import Forbidden
from pollux.store.keys import Keys
from pollux.store.reading import OneChart
from pollux.store.writer import Writer, now

# What a person's data may be used for while their processing is restricted (Regulation (EU) 2016/679, Art. 18(2)).
UNDER_RESTRICTION = frozenset({"export", "legal claim", "consent"})
Detail = dict[str, int | str]


@dataclass(frozen=True)
class Access:
    """What somebody may see, and the account of it."""

    database: Database
    keys: Keys
    writer: Writer
    actor: str
    purpose: str

    def done(self, action: str, who: bytes = b"", detail: Detail | None = None) -> Done:
        """An act of theirs, as the audit takes it."""
        return Done(now(), self.actor, self.purpose, action, who, detail or {})

    def seen(self, action: str, whos: Sequence[bytes], detail: Detail | None = None) -> None:
        """Write down an access, before anything is handed out."""
        self.writer.note([self.done(action, who, detail) for who in whos or [b""]])

    @contextmanager
    def refusals(self, what: str, whos: Sequence[bytes] = ()) -> Iterator[None]:
        """Write down that something was asked for and refused."""
        try:
            yield
        except (Forbidden, UnknownName) as error:
            why = "unknown" if isinstance(error, UnknownName) else "forbidden"
            self.seen("refused", whos, {"of": what, "why": why})
            raise

    @contextmanager
    def charts(
        self, person_id: str, what: str, known: bool = True, restricted: bool = False
    ) -> Iterator[list[OneChart]]:
        """The charts of a person, those of merged ids included, after the access was written down."""
        with self.database.reading() as connection:
            charts = self.all_charts(connection, person_id) if person_id or not known else []
            why = next((c.chart.restricted for c in charts if c.chart.restricted), "")
            if why and not restricted and self.purpose not in UNDER_RESTRICTION:
                with self.refusals(what, [c.keyed.who for c in charts]):
                    raise Forbidden(
                        "the processing of this person's data is restricted", where=person_id,
                        advice=f"Reason: {why}. Lift it with `pollux unrestrict`, or ask for the purpose export, "
                        "consent or legal claim.",
                    )  # fmt: skip
            if charts:
                self.seen("read", [c.keyed.who for c in charts], {"of": what})
            elif person_id and not known:
                self.seen("refused", [], {"of": what, "why": "unknown"})
            if charts or not known:
                yield charts
                return
        with self.refusals(what):
            raise self._unknown(person_id)

    def all_charts(self, connection: Connection, person_id: str) -> list[OneChart]:
        """The chart of a person and those of the ids merged into it, wherever one begins."""
        chart = OneChart.find(connection, self.keys, person_id)
        if chart is None:
            return []
        if chart.chart.into and (merged := self.all_charts(connection, chart.chart.into)):
            return merged  # else a restored copy is merged into somebody who was erased since
        return [chart, *(one for also in chart.chart.also for one in self._with_merged(connection, also))]

    def pseudonyms(self, person_id: str, what: str) -> list[bytes]:
        """Those of a person to whom something is to be done."""
        return [chart.keyed.who for chart in self._theirs(person_id, what)]

    def ids(self, person_id: str, what: str) -> list[str]:
        """The ids of a person to whom something is to be done."""
        return [chart.chart.person for chart in self._theirs(person_id, what)]

    def _theirs(self, person_id: str, what: str) -> list[OneChart]:
        with self.database.reading() as connection:
            charts = self.all_charts(connection, person_id)
        if not charts:
            with self.refusals(what):
                raise self._unknown(person_id)
        return charts

    def _with_merged(self, connection: Connection, person_id: str) -> list[OneChart]:
        chart = OneChart.find(connection, self.keys, person_id)
        if chart is None:
            return []
        return [chart, *(one for also in chart.chart.also for one in self._with_merged(connection, also))]

    def _unknown(self, person_id: str) -> PolluxError:
        return UnknownName(
            f"nobody here has the id {person_id[:80]!r}", where=self.database.where,
            advice="`pollux people` lists who is known.",
        )  # fmt: skip
