"""A patient's twin: a record, a calibrated body, and the questions it may be asked."""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pollux import __version__
from pollux.calibration.course import LOOKS_BACK, READINGS_BACK
from pollux.calibration.daily import Day, anchor
from pollux.calibration.hindsight import Scores
from pollux.calibration.laplace import FitInfo
from pollux.calibration.tracking import Ensemble
from pollux.errors import OutsideDomain, RefusedInput
from pollux.plans import Plan, parse
from pollux.record import EPOCH, Event, Finding, Record, minutes
from pollux.record.repeats import RULES, may_meet
from pollux.record.uploaders import LATE
from pollux.twins import validity
from pollux.twins.announced import Announced
from pollux.twins.answers import (
    LOW,
    VERY_HIGH,
    VERY_LOW,
    Comparison,
    Explanation,
    Forecast,
    Goals,
    Grounds,
    Measurement,
    Option,
)
from pollux.twins.body import Body
from pollux.twins.checkpoint import pack, unpack
from pollux.twins.doubts import Doubts, doubts, widen
from pollux.twins.sensed import KEPT, Sensed

Array = NDArray[np.float64]

STEP = 5.0  # min between the times of a forecast
NOTHING = Plan("nothing more")


@dataclass(frozen=True)
class Checkpoint:
    """What a saved twin consists of."""

    version: str
    person: str
    now: str
    digest: str
    body: Any


KINDS = {kind.__name__: kind for kind in (Checkpoint, Announced, Day, Ensemble, FitInfo, Scores, *KEPT)}


@dataclass(frozen=True)
class Twin:
    """A person's twin at a time: what was known of the record then, and a body calibrated on it.

    A twin is a value. `learn` returns a new one, and what it returns depends only on what is known, never on the order
    or the portions in which it came: the same events give the same twin to the last bit. `set_aside` is what came in
    and was quarantined: no part of what the twin learns from, but answers say how much of it there is.
    """

    record: Record
    now: datetime
    body: Body
    set_aside: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        """One line, and never what is in the record."""
        return f"<Twin of {self.record.person.id} at {self.now:%Y-%m-%d %H:%M} UTC: {self.body.model}>"

    @classmethod
    def begin(cls, record: Record, now: datetime | None = None) -> "Twin":
        """The twin of a record as it stands, at `now` or at its last event.

        With insulin and meals in the record the body is the oral minimal model; with glucose alone, the model of people
        of whom only the sensor is known. Raises `OutsideDomain` when there is no sensor glucose to learn from.
        """
        known = record if now is None else record.until(now)
        last = known.last("cgm_glucose")
        if last is None:
            raise OutsideDomain(
                "there is no sensor glucose in this record",
                where=record.person.id,
                advice="Import a CGM export (Dexcom Clarity, Nightscout or time,quantity,value,unit).",
            )
        at = now or last.time
        key = int.from_bytes(hashlib.blake2b(record.person.id.encode(), digest_size=7).digest(), "big")
        known, until = record.until(at), _until(record.until(at), at)
        return cls(record, at, (Announced if _announced(known, until) else Sensed).of(known, until, key))

    @cached_property
    def _known(self) -> Record:
        """What was true up to now."""
        return self.record.until(self.now)

    def learn(self, events: Iterable[Event], now: datetime | None = None) -> "Twin":
        """The twin that also knows these events: on time, late, or corrections of earlier ones."""
        events = tuple(events)
        record, at = self.record.add(events), now or self.now
        newest = max((e.time for e in events if e.quantity == "cgm_glucose"), default=at)
        if newest > at and (last := record.until(newest).last("cgm_glucose")) is not None:
            at = max(at, last.time)
        return self._on(record, at, events)

    def at(self, now: datetime) -> "Twin":
        """The twin at another time: later, having taken in what the record says by then, or earlier, knowing less."""
        return self._on(self.record, now, ())

    def _on(self, record: Record, now: datetime, events: tuple[Event, ...]) -> "Twin":
        """The twin of a record that has come to hold some events, at a time; days that are the same are kept."""
        known, before = record.until(now), self._known
        if not known.of("cgm_glucose"):
            return Twin.begin(record, now)
        until = _until(known, now)
        if _announced(known, until) != isinstance(self.body, Announced):
            return replace(Twin.begin(record, now), set_aside=self.set_aside)
        early, late = sorted((self.now, now))
        passed = [e for e in record.events[bisect_right(record.events, early, key=_time) :] if e.time <= late]
        changed = _changed(before, known, (*events, *passed))
        return replace(self, record=record, now=now, body=self.body.learn(known, until, changed))

    def forecast(self, plan: Plan | str = NOTHING, horizon: timedelta = timedelta(hours=2)) -> Forecast:
        """Glucose from now to the horizon under a plan, or the reasons why the twin abstains.

        A plan may be text as `pollux.plans.parse` reads it. Raises `RefusedInput` for one that nobody could carry out.
        """
        plan = self._read(plan)
        validity.feasible(self._known, self.now, plan)
        if horizon < timedelta(minutes=STEP):
            raise RefusedInput("a forecast needs a horizon of 5 minutes at least", where=self.record.person.id)
        grounds = self._grounds(plan, horizon)
        if grounds.abstains:
            empty = np.zeros((5, 0)), np.zeros((0, 0))
            return Forecast(self.record.person.id, self.now, plan.name, (), *empty, grounds)
        ahead = np.arange(STEP, horizon.total_seconds() / 60.0 + 1e-9, STEP)
        future = self.body.forecast(self._known, plan, minutes(self.now), ahead)
        if (factor := self._doubts.widened) > 1.0:
            bands = widen(future.bands, future.bands[2], factor)
            glucose = widen(future.glucose, np.median(future.glucose, axis=0), factor)
            future = replace(future, bands=bands, glucose=glucose)
        times = tuple(self.now + timedelta(minutes=float(m)) for m in ahead)
        return Forecast(
            self.record.person.id, self.now, plan.name, times, future.bands, future.glucose, grounds, future.calibrated
        )

    def compare(
        self, plans: Sequence[Plan | str], goals: Goals | None = None, horizon: timedelta = timedelta(hours=4)
    ) -> Comparison:
        """Plans side by side on the same chances, ranked with benefit and harm against the first."""
        forecasts = [self.forecast(plan, horizon) for plan in plans]
        reasons = tuple(dict.fromkeys(r for f in forecasts for r in f.grounds.abstains))
        if reasons:
            return Comparison((), replace(forecasts[0].grounds, abstains=reasons))
        goals = goals or Goals()
        options = [_option(forecast, forecasts[0], goals) for forecast in forecasts]
        cautions = tuple(dict.fromkeys(c for f in forecasts for c in f.grounds.cautions))
        ranked = tuple(sorted(options, key=_rank))
        return Comparison(ranked, replace(forecasts[0].grounds, cautions=cautions), goals)

    def explain(self) -> Explanation:
        """What the twin knows of this person, how it came to know it, and what the data could not tell."""
        fit = dict(self.body.fit())
        return Explanation(
            self._grounds(NOTHING, timedelta(hours=1)),
            self.body.parameters(),
            self.body.unidentified(),
            fit,
            validity.advice(fit),
        )

    def next_measurement(self) -> tuple[Measurement, ...]:
        """What would narrow the forecast most, best first."""
        return self.body.next_measurement(self._known, minutes(self.now))

    def save(self) -> bytes:
        """The twin without its record, as bytes: calibrated state and a digest of the events it has seen."""
        return pack(
            Checkpoint(__version__, self.record.person.id, self.now.isoformat(), self._digest, self.body.kept())
        )

    @classmethod
    def load(cls, content: bytes, record: Record, *, begin: bool = True) -> "Twin":
        """The twin saved in these bytes, on its record: the same to the last bit when the record is as it was then.

        If the record has changed up to that time, or the twin was saved by another version, it is built again from the
        record, or refused where it is not to `begin` anew. Raises `RefusedInput` for bytes that are no checkpoint, or
        that of somebody else.
        """
        saved = unpack(content, KINDS)
        if not isinstance(saved, Checkpoint) or saved.person != record.person.id:
            raise RefusedInput("this is not a checkpoint of this person's twin", where=record.person.id)
        twin = cls(record, datetime.fromisoformat(saved.now), saved.body.restored())
        if saved.version != __version__ or saved.digest != twin._digest:
            if not begin:
                raise RefusedInput("the record has changed since this twin was saved", where=record.person.id)
            return cls.begin(record, twin.now)
        return twin

    @cached_property
    def _digest(self) -> str:
        """A digest of everything that the body looks at: the person, the events since it began to look, weights."""
        begins = min(self.body.since, _looks_from(self._known, _until(self._known, self.now)))
        since = EPOCH + timedelta(minutes=begins)
        part = self._known.between(since, self.now).current
        digest = hashlib.blake2b(msgspec.json.encode((self.record.person, _EVENTS.encode(part))), digest_size=16)
        digest.update(_EVENTS.encode(self._known.of("body_weight")))
        return digest.hexdigest()

    def _grounds(self, plan: Plan, horizon: timedelta) -> Grounds:
        return validity.grounds(self._known, self.now, self.body, plan, horizon, self._doubts)

    @cached_property
    def _doubts(self) -> Doubts:
        return doubts(self._known, self.now, self.set_aside)

    def _read(self, plan: Plan | str) -> Plan:
        return plan if isinstance(plan, Plan) else parse(plan, self.now, self.record.person.timezone)


_EVENTS = msgspec.msgpack.Encoder()


def _time(event: Event) -> datetime:
    return event.time


def _until(record: Record, now: datetime) -> float:
    """How far a body is taken: a day beyond its last reading there is nothing left to follow."""
    return min(minutes(now), minutes(record.of("cgm_glucose")[-1].time) + 1440.0)


def _looks_from(record: Record, until: float) -> float:
    """From when on insulin and meals would be looked at."""
    return anchor(until, record.person.timezone) - LOOKS_BACK


def _announced(record: Record, until: float) -> bool:
    """Whether insulin and meals are known well enough to be given to a model, in the time that it would look at."""
    since = EPOCH + timedelta(minutes=_looks_from(record, until))

    def lately(quantity: str) -> bool:
        events = record.of(quantity)
        return bool(events) and any((e.end or e.time) >= since for e in reversed(events[-MANY:]))

    basal = lately("insulin_basal_rate") or lately("insulin_long_acting")
    return basal and lately("insulin_bolus") and lately("carbohydrate_intake")


MANY = 100  # last events of a kind that are asked whether they still hold


def _changed(before: Record, after: Record, events: Sequence[Event]) -> list[Event]:
    """The events, old and new, that stand or count in one record and not in the other.

    An event can change whether another one counts: that of which it is a repeat, or that repeats it. Such a pair is
    near in time. Whether two sensors say the same is decided by all their meetings in a course (`Course.of`): a reading
    that meets another one may change what counts as far back as a course reaches.
    """
    changed = list(events)
    ids = {e.id for e in events}
    if not min(before, after, key=lambda record: len(record.events)).ids.isdisjoint(ids):
        old = {(e.id, e.content): e for e in before.current if e.id in ids}
        new = {(e.id, e.content): e for e in after.current if e.id in ids}
        changed = [e for key, e in (old | new).items() if (key in old) != (key in new)]
    if not changed:
        return []
    first, last = min(e.time for e in changed) - NEAR, max(e.time for e in changed) + NEAR
    one, other = before.between(first, last), after.between(first, last)
    for quantity in RULES:
        counted = {id(e): e for e in one.once(quantity)}, {id(e): e for e in other.once(quantity)}
        changed += [e for key, e in (counted[0] | counted[1]).items() if (key in counted[0]) != (key in counted[1])]
    met = [e for e in changed if e.quantity == "cgm_glucose" and (_meets(e, one) or _meets(e, other))]
    if met:
        since = min(e.time for e in met) - timedelta(minutes=READINGS_BACK)
        changed += [e for record in (before, after) for e in record.between(since, last).of("cgm_glucose")[:1]]
    return changed


def _meets(reading: Event, record: Record) -> bool:
    """Whether another reading of the sensor lies so near that one may say what the other said."""
    reach = timedelta(seconds=LATE)
    near = record.between(reading.time - reach, reading.time + reach).of(reading.quantity)
    return any(e.id != reading.id and may_meet(e, reading) for e in near)


NEAR = timedelta(days=1)  # within which one event may be taken for a repeat of another


def _option(forecast: Forecast, usual: Forecast, goals: Goals) -> Option:
    def share(f: Forecast) -> Array:
        return np.asarray(((f.draws >= 70.0) & (f.draws <= 180.0)).mean(axis=1))

    gain = share(forecast) - share(usual)
    low, very_low = forecast.chance_below(LOW), forecast.chance_below(VERY_LOW)
    benefit = forecast.time_in_range()
    return Option(
        plan=forecast.plan,
        forecast=forecast,
        time_in_range=benefit,
        chance_low=low,
        chance_very_low=very_low,
        chance_very_high=forecast.chance_above(VERY_HIGH),
        gain=(float(gain.mean()), float(np.quantile(gain, 0.05)), float(np.quantile(gain, 0.95))),
        score=benefit[0] - goals.low * low - goals.very_low * very_low,
        harmful=very_low > goals.most_very_low,
    )


def _rank(option: Option) -> tuple[bool, float, float]:
    """Plans within the limit of harm by their score; behind them the others, the least harmful first."""
    return (option.harmful, option.chance_very_low if option.harmful else 0.0, -option.score)
