"""The body of a person of whom only the sensor is known: what nobody logged is a latent disturbance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from pollux.calibration import sensed
from pollux.calibration.chance import normals
from pollux.calibration.course import day_boundaries
from pollux.calibration.diagnostics import INFORMED
from pollux.calibration.hindsight import LEAST, MOST
from pollux.calibration.kalman import Belief
from pollux.calibration.laplace import Gaussian
from pollux.calibration.paths import paths
from pollux.calibration.recalibration import Bounds, reshape
from pollux.calibration.sensed import HYPOTHESES, Hypothesis
from pollux.calibration.slots import STEP, discretise, look_ahead
from pollux.equations import Fixed
from pollux.kernel.progress import tell
from pollux.plans import Plan
from pollux.record import EPOCH, Event, Record, minutes
from pollux.twins.answers import Measurement, ParameterStory
from pollux.twins.body import Future

Array = NDArray[np.float64]

FUTURES = 512
LONGEST = 14 * 1440.0  # min before a calibration that it looks at: 28 days foretold no better (docs/decisions/0033)
ENOUGH = 40  # scored forecasts after which the intervals count as corrected


@dataclass(frozen=True)
class Sensed:
    """See `pollux.twins.body.Body`. Calibrated at the last 4 o'clock (local), true since by its filters.

    `first` is the state as it was when calibrated: late readings, and earlier times of the day, begin from there.
    """

    key: int
    calibrated: float
    first: sensed.Sensed
    state: sensed.Sensed

    @property
    def model(self) -> str:
        """The model's name."""
        return "sensor-only"

    @property
    def version(self) -> str:
        """The model's version."""
        return HYPOTHESES[0].version

    @property
    def time(self) -> float:
        """The time of the last slot with a reading."""
        return self.state.time

    @property
    def since(self) -> float:
        """From when on the body looks at the record."""
        return self.calibrated - LONGEST

    @classmethod
    def of(cls, record: Record, until: float, key: int) -> "Sensed":
        """The body of a record at a time; calibrated on what was known at the last 4 o'clock, at first on two hours."""
        times, glucose = _readings(record, until)
        when = _calibrates(record, times, until)
        before = (times <= when) & (times > when - LONGEST)
        tell(f"calibrating on {int(before.sum()):,} sensor readings")
        state, _ = sensed.learn(times[before], glucose[before], key=key)
        return cls(key, when, state, state)._follow(times, glucose)

    def learn(self, record: Record, until: float, changed: Sequence[Event]) -> "Sensed":
        """The body after everything up to a time; calibrated anew when a day has passed or the past has changed."""
        times, glucose = _readings(record, until)
        reach = [minutes(e.time) for e in changed if e.quantity == "cgm_glucose"]
        reach = [t for t in reach if self.since < t <= self.time + 0.5 * STEP]
        if _calibrates(record, times, until) != self.calibrated or min(reach, default=np.inf) <= self.calibrated:
            return Sensed.of(record, until, self.key)
        again = bool(reach) or self.time > until + 0.5 * STEP
        return (replace(self, state=self.first) if again else self)._follow(times, glucose)

    def _follow(self, times: Array, glucose: Array) -> "Sensed":
        later = times > self.state.time + 0.5 * STEP
        if not later.any():
            return self
        return replace(self, state=sensed.follow(self.state, times[later], glucose[later])[0])

    def forecast(self, record: Record, plan: Plan, start: float, ahead: Array) -> Future:
        """Draws of what comes; the plan must be empty, since nothing is known of what food and insulin do here."""
        late = ahead + (start - self.time)
        steps = int(np.ceil(late.max() / STEP))
        rng = normals(self.key, "paths", start)
        glucose, shown = (_between(drawn, late) for drawn in paths(self.state, steps, FUTURES, rng))
        told = sensed.forecast(self.state, late)
        at = self.state.bounds.at(late / STEP)
        honest = np.clip(told.mean + told.sd * reshape((glucose - told.mean) / told.sd, at), LEAST, MOST)
        return Future(honest, shown, np.clip(told.bands, LEAST, MOST), self._told())

    def _told(self) -> str:
        scored = self.state.bounds.scored
        if scored < ENOUGH:
            return "Intervals are the model's own: too few forecasts have been scored yet to correct them."
        return f"Intervals are corrected by how {scored:,} earlier forecasts turned out."

    def parameters(self) -> tuple[ParameterStory, ...]:
        """What became of each parameter under the first hypothesis (quiet or active)."""
        h = self.state.hypotheses[0]
        normal = ndtri(np.array([0.05, 0.5, 0.95]))
        stories = []
        for parameter in h.model.parameters:
            if isinstance(parameter.prior, Fixed):
                continue
            i = h.posterior.names.index(parameter.name)
            mean, sd = float(h.posterior.mean[i]), float(h.posterior.sd[i])
            prior, now = parameter.prior.from_standard(normal), parameter.prior.from_standard(mean + sd * normal)
            stories.append(
                ParameterStory(
                    parameter.name,
                    parameter.meaning,
                    parameter.unit,
                    (float(prior[0]), float(prior[1]), float(prior[2])),
                    (float(now[0]), float(now[1]), float(now[2])),
                    1.0 - sd**2,
                    mean,
                    1.0 - sd**2 >= INFORMED,
                    str(parameter.source),
                )
            )
        return tuple(stories)

    def unidentified(self) -> tuple[str, ...]:
        """Parameters of which the data said less than the population."""
        return tuple(f"{story.name}" for story in self.parameters() if not story.informed)

    def fit(self) -> Mapping[str, float]:
        """How well the model has followed the data lately."""
        return {
            "effective draws": self.state.effective_draws,
            "width of 60-minute intervals over the model's own": self._widened(),
            "forecasts scored": float(self.state.bounds.scored),
        }

    def _widened(self) -> float:
        bounds = self.state.bounds.at(np.array([60.0 / STEP]))[0]
        return float((bounds[-1] - bounds[0]) / (2.0 * ndtri(0.95)))

    def next_measurement(self, record: Record, start: float) -> tuple[Measurement, ...]:
        """Knowing meals and insulin would tell most; by how much cannot be said without them. A further reading can."""
        ahead = np.array([60.0, 120.0])
        steps = int(np.ceil((ahead.max() + start - self.time) / STEP))
        glucose, shown = paths(self.state, steps, FUTURES, normals(self.key, "next", start))
        target, reading = glucose[:, -1], shown[:, min(5, steps - 1)]
        left = 1.0 - float(np.corrcoef(target, reading)[0, 1]) ** 2
        return (
            Measurement(
                "cgm_glucose",
                EPOCH + timedelta(minutes=start + 30.0),
                "the sensor again in 30 min",
                1.0 - float(np.sqrt(left)),
            ),
        )

    def covariates(self, record: Record) -> Mapping[str, float]:
        """Nothing but the sensor is asked for."""
        return {}

    def kept(self) -> "Kept":
        """What of this body goes into a checkpoint."""
        return Kept(self.key, self.calibrated, _kept(self.first), _kept(self.state))


@dataclass(frozen=True)
class KeptHypothesis:
    """One hypothesis without what can be computed again from its draws."""

    posterior: Gaussian
    draws: Array
    belief: Belief
    weight: Array


@dataclass(frozen=True)
class KeptState:
    """A state of the body at a slot, as it is kept."""

    origin: float
    slot: int
    hypotheses: tuple[KeptHypothesis, ...]
    bounds: Bounds

    def restored(self) -> sensed.Sensed:
        """The state again, to the last bit."""
        whole = []
        for model, kept in zip(HYPOTHESES, self.hypotheses, strict=True):
            slots = discretise(model, kept.draws)
            far = look_ahead(slots, sensed.WATCHED)
            whole.append(Hypothesis(model, kept.posterior, kept.draws, slots, far, kept.belief, kept.weight))
        return sensed.Sensed(self.origin, self.slot, tuple(whole), self.bounds)


@dataclass(frozen=True)
class Kept:
    """The body as it is kept in a checkpoint."""

    key: int
    calibrated: float
    first: KeptState
    state: KeptState

    def restored(self) -> Sensed:
        """The body again, to the last bit."""
        return Sensed(self.key, self.calibrated, self.first.restored(), self.state.restored())


def _kept(state: sensed.Sensed) -> KeptState:
    hypotheses = tuple(KeptHypothesis(h.posterior, h.draws, h.belief, h.weight) for h in state.hypotheses)
    return KeptState(state.origin, state.slot, hypotheses, state.bounds)


KEPT = (Kept, KeptState, KeptHypothesis, Belief, Bounds, Gaussian)


def _readings(record: Record, until: float) -> tuple[Array, Array]:
    """The readings that a calibration at the last 4 o'clock before a time may look at, and those since: no others."""
    since = EPOCH + timedelta(minutes=until - LONGEST - 2 * 1440.0)
    part = record.between(since, EPOCH + timedelta(minutes=until))
    events = part.once("cgm_glucose")
    times = np.array([minutes(e.time) for e in events], dtype=np.float64)
    return times, np.array([e.number() for e in events], dtype=np.float64)


def _calibrates(record: Record, times: Array, until: float) -> float:
    """The last local 4 o'clock up to `until` with enough readings before it; otherwise the end of two hours of them."""
    ends = day_boundaries(until - 2 * 1440.0, until, record.person.timezone)
    lately = times[times > ends[-1] - LONGEST]
    first = float(lately[min(sensed.FEWEST, lately.size) - 1])
    return ends[-1] if ends[-1] >= first else first


def _between(drawn: Array, late: Array) -> Array:
    """Draws at slots (n, steps), read at minutes after the last slot (T,)."""
    grid = STEP * np.arange(1, drawn.shape[1] + 1)
    return np.stack([np.interp(late, grid, row) for row in drawn])
