"""The body of a person whose insulin and meals are known: the oral minimal model, calibrated daily, tracked always."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.chance import normals
from pollux.calibration.course import LOOKS_BACK, Course
from pollux.calibration.daily import SLOW, Day, anchor, boundaries, calibrate, first_reading
from pollux.calibration.diagnostics import INFORMED
from pollux.calibration.hindsight import FEWEST, REMEMBERED, Scores, bounds, honest, live_through
from pollux.calibration.tracking import (
    FINGER_ERROR,
    MEMBERS,
    STATES,
    Ensemble,
    advance,
    begin,
    parameters,
    resume,
    slow_now,
    update,
    update_finger,
)
from pollux.kernel.progress import tell
from pollux.models.glucose.minimal import MINIMAL
from pollux.models.glucose.sensor import NOISE
from pollux.plans import Plan
from pollux.record import EPOCH, Event, Record, minutes
from pollux.twins.answers import Measurement, ParameterStory, bands
from pollux.twins.body import Future

Array = NDArray[np.float64]

FUTURES = 4  # futures drawn for each member of the ensemble
LATELY = 288  # readings over which the fit is judged: a day
# What this body is made of; body weight is asked for by itself, as it stands for days on which nobody stood on a scale.
HEARS = frozenset(
    (
        "cgm_glucose",
        "blood_glucose",
        "carbohydrate_intake",
        "insulin_bolus",
        "insulin_basal_rate",
        "insulin_long_acting",
    )
)


@dataclass(frozen=True)
class Announced:
    """See `pollux.twins.body.Body`. `innovations` are the standardised ones of the last readings.

    `anchor` is where the days begin that it holds, `standing` the weight [kg] and the usual basal rate [U/h] with which
    it was followed since the last of them.
    """

    key: int
    anchor: float
    days: tuple[Day, ...]
    standing: tuple[float, float]
    ensemble: Ensemble
    scores: tuple[Scores, ...] = ()
    innovations: tuple[float, ...] = ()

    @property
    def model(self) -> str:
        """The model's name."""
        return MINIMAL.name

    @property
    def version(self) -> str:
        """The model's version."""
        return MINIMAL.version

    @property
    def time(self) -> float:
        """The time of the last reading taken in."""
        return self.ensemble.time

    @property
    def since(self) -> float:
        """From when on the body looks at the record."""
        return self.anchor - LOOKS_BACK

    @classmethod
    def of(
        cls, record: Record, until: float, key: int, kept: tuple[Day, ...] = (), scored: tuple[Scores, ...] = ()
    ) -> "Announced":
        """The body of a record at a time, from the anchor or from days already fitted on the same events."""
        days = calibrate(record, until, kept)
        scores = _scores(record, days, key, scored if _same(days, kept) else ())
        course = _course(record, until, days)
        first = course.readings[course.readings[:, 0] >= _settled(record, until, days) - 1e-6]
        tell("following the readings since 4 o'clock")
        start = resume(course, days[-1], key) if days else begin(course, float(first[0, 0]), key)
        since = anchor(until, record.person.timezone)
        return cls(key, since, days, (course.weight, course.basal), start, scores)._follow(course)

    def learn(self, record: Record, until: float, changed: Sequence[Event]) -> "Announced":
        """The body after everything up to a time; a day is fitted again only if something in it changed."""
        if anchor(until, record.person.timezone) != self.anchor:
            return Announced.of(record, until, self.key)
        heard = [e for e in changed if e.quantity in HEARS]
        reach = [e for e in heard if minutes(e.time) >= self.since or _lasts(e, self.since)]
        changed_from = min((minutes(e.time) for e in reach), default=np.inf)
        kept = tuple(day for day in self.days if day.end < changed_from and day.end <= until)
        if len(kept) == len(self.days) and self.time < changed_from and self.time <= until:
            course = _course(record, until, self.days)
            if not _new_day(self.days, record, until) and (course.weight, course.basal) == self.standing:
                return self._follow(course)
        scored = tuple(s for s in self.scores if s.end < changed_from)
        return Announced.of(record, until, self.key, kept, scored)

    def _follow(self, course: Course) -> "Announced":
        ensemble, seen = self.ensemble, list(self.innovations)
        later, meters = course.readings[:, 0] > ensemble.time, course.fingers[course.fingers[:, 0] > ensemble.time]
        arrivals = [
            (float(t), 0, float(y), int(b))
            for (t, y), b in zip(course.readings[later], course.beyond[later], strict=True)
        ]
        arrivals += [(float(t), 1, float(y), 0) for t, y in meters]
        for time, by_meter, reading, beyond in sorted(arrivals):
            if by_meter:
                ensemble, _ = update_finger(ensemble, course, time, reading)
            else:
                ensemble, info = update(ensemble, course, time, reading, beyond)
                seen.append(info.standardised)
        return replace(self, ensemble=ensemble, innovations=tuple(seen[-LATELY:]))

    def forecast(self, record: Record, plan: Plan, start: float, ahead: Array) -> Future:
        """Draws of what comes from `start` on; the same chance for every plan, so that plans compare pairwise."""
        course = _course(record, start, self.days).with_plan(plan.events)
        members = np.repeat(self.ensemble.members, FUTURES, axis=0)
        now = advance(Ensemble(self.time, members, self.ensemble.spread, self.key), course, start)
        values = parameters(now.slow, course)
        white = normals(self.key, "white", start).standard_normal((len(members), ahead.size)) * NOISE.white_sd
        glucose, sensed = np.empty_like(white), np.empty_like(white)
        for k, minute in enumerate(ahead):
            now = advance(now, course, start + float(minute), values)
            glucose[:, k], sensed[:, k] = now.glucose, now.sensed + white[:, k]
        at = bounds(self.scores)
        return Future(
            honest(glucose, ahead, at), honest(sensed, ahead, at), bands(honest(sensed, ahead, at)), self._told()
        )

    def _told(self) -> str:
        count = sum(int(np.isfinite(s.errors[:, 1]).sum()) for s in self.scores[-REMEMBERED:])
        if count < FEWEST:
            return "Intervals are the model's own: too few forecasts have been scored yet to correct them."
        return f"Intervals are corrected by how {count} forecasts of the last days turned out."

    def parameters(self) -> tuple[ParameterStory, ...]:
        """What became of each slow parameter."""
        levels, normal = (0.05, 0.5, 0.95), np.array([-1.6448536269514722, 0.0, 1.6448536269514722])
        known = slow_now(self.ensemble)
        stories = []
        for i, name in enumerate(SLOW):
            parameter = MINIMAL.parameter(name)
            now = np.quantile(parameter.prior.from_standard(self.ensemble.slow[:, i]), levels)
            contraction = 1.0 - float(known.covariance[i, i])
            stories.append(
                ParameterStory(
                    name,
                    parameter.meaning,
                    parameter.unit,
                    _three(parameter.prior.from_standard(normal)),
                    _three(now),
                    contraction,
                    float(known.mean[i]),
                    contraction >= INFORMED,
                    str(parameter.source),
                )
            )
        return tuple(stories)

    def unidentified(self) -> tuple[str, ...]:
        """Combinations of parameters that the last fitted day could not tell apart, weakest first."""
        return self.days[-1].weak if self.days else ()

    def fit(self) -> Mapping[str, float]:
        """How well the model has followed the data lately."""
        seen = np.array(self.innovations)
        answer = {"days calibrated": float(len(self.days)), "members": float(MEMBERS)}
        if seen.size:
            answer["mean square of standardised innovations"] = float(np.mean(seen**2))
            answer["share of innovations beyond 3 sd"] = float(np.mean(np.abs(seen) > 3.0))
        if self.days:
            answer["misfit of the last day"] = self.days[-1].info.misfit
            answer["disturbance size [mg/dL/min]"] = self.days[-1].spread
        return answer

    def next_measurement(self, record: Record, start: float) -> tuple[Measurement, ...]:
        """What would narrow the mean glucose of the next two hours most, best first.

        A measurement m with error variance r narrows the target's variance by cov(target, m)² / (var m + r).
        """
        ahead = np.arange(5.0, 125.0, 5.0)
        course = _course(record, start, self.days)
        now = advance(self.ensemble, course, start)
        future = self.forecast(record, Plan("nothing more"), start, ahead)
        target = future.glucose[:, ahead >= 60.0].mean(axis=1)
        candidates = [(30.0, future.glucose[:, 5]), (0.0, np.repeat(now.glucose, FUTURES))]
        asked = [
            Measurement(
                "blood_glucose", EPOCH + timedelta(minutes=start + wait), f"finger glucose in {wait:.0f} min", gain
            )
            for wait, values in candidates
            for gain in [_narrows(target, values, float(np.mean(values) * FINGER_ERROR) ** 2)]
        ]
        disturbance = np.repeat(now.members[:, STATES + len(SLOW)], FUTURES)
        asked.append(
            Measurement(
                "carbohydrate_intake",
                EPOCH + timedelta(minutes=start),
                "what was eaten, drunk or exercised in the last hour and not logged",
                _narrows(target, disturbance, 0.0),
            )
        )
        return tuple(sorted(asked, key=lambda m: -m.narrows))

    def kept(self) -> "Announced":
        """What of this body goes into a checkpoint: all of it, which is the days since the anchor."""
        return self

    def restored(self) -> "Announced":
        """The body that was kept."""
        return self

    def covariates(self, record: Record) -> Mapping[str, float]:
        """Age, body weight and usual basal rate, as far as they are known."""
        course = _course(record, self.time, self.days)
        known = {"basal": course.basal}
        age = record.person.age(EPOCH + timedelta(minutes=self.time))
        if age is not None:
            known["age"] = age
        if record.of("body_weight"):
            known["body_weight"] = course.weight
        return known


def _course(record: Record, until: float, days: tuple[Day, ...]) -> Course:
    settled = _settled(record, until, days)
    return Course.of(record, EPOCH + timedelta(minutes=until), EPOCH + timedelta(minutes=settled))


def _settled(record: Record, until: float, days: tuple[Day, ...]) -> float:
    """The end of the last fitted day, or where the readings begin."""
    if days:
        return days[-1].end
    first = first_reading(record, until)
    return until if first is None else first


def _lasts(event: Event, since: float) -> bool:
    return event.end is not None and minutes(event.end) > since


def _same(days: tuple[Day, ...], kept: tuple[Day, ...]) -> bool:
    """Whether all the days that were to be kept were."""
    if len(days) < len(kept):
        return False
    return all(np.array_equal(a.posterior.mean, b.posterior.mean) for a, b in zip(days, kept, strict=False))


def _scores(record: Record, days: tuple[Day, ...], key: int, known: tuple[Scores, ...]) -> tuple[Scores, ...]:
    """The scores of each fitted day after the first, of the last days only; `known` ones are not made again."""
    found = []
    for before, day in list(itertools.pairwise(days))[-REMEMBERED:]:
        ready = next((s for s in known if s.end == day.end), None)
        if ready is None:
            tell("living a day through again, to see how its forecasts turned out")
            course = Course.of(record, EPOCH + timedelta(minutes=day.end), EPOCH + timedelta(minutes=before.end))
            ready = live_through(course, before, day.end, key)
        found.append(ready)
    return tuple(found)


def _new_day(days: tuple[Day, ...], record: Record, until: float) -> bool:
    ends = boundaries(record, until)
    return bool(ends) and (not days or ends[-1] > days[-1].end)


def _three(values: Array) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _narrows(target: Array, measured: Array, variance: float) -> float:
    """The share of the target's spread (sd) that a measurement takes away."""
    spread = float(np.var(measured)) + variance
    if spread <= 0.0 or np.var(target) <= 0.0:
        return 0.0
    left = 1.0 - float(np.cov(target, measured)[0, 1]) ** 2 / spread / float(np.var(target))
    return 1.0 - float(np.sqrt(max(left, 0.0)))
