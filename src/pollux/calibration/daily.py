"""Calibration of the oral minimal model, one day after the other.

Each local day (from 4 o'clock to 4 o'clock, when most people neither eat nor inject) is fitted by MAP with Laplace.
What nobody announced enters as finite disturbance coefficients, one an hour, that hang together in time:

    cov(d_j, d_k) = s² exp(−|j − k| · 60 min / τ)

What a day taught about the slow parameters is the next day's prior, loosened towards the population a little each day:
m ← ρ m, S ← ρ² S + (1 − ρ²) I. The size s of the disturbance is chosen on the first days by the model evidence.

Days are fitted from an *anchor*: the start of the 28-day block before the current one (`anchor`). It depends on the
time alone, so that whoever begins later, or learns day by day, fits the same days from the same start; and a day that
is 28 days old has no say any more: ρ²⁸ is 0.002.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from pollux.calibration.course import DAY_STARTS, Course, day_boundaries, local_minute, weight_at
from pollux.calibration.diagnostics import local_rank
from pollux.calibration.laplace import FitInfo, Forward, Gaussian, fit, one_thread
from pollux.equations import Fixed
from pollux.kernel import Schedule, compile, sensitivities
from pollux.kernel.progress import tell
from pollux.models.glucose.minimal import MINIMAL, with_disturbance
from pollux.models.glucose.sensor import NOISE
from pollux.record import EPOCH, Record, minutes

Array = NDArray[np.float64]

DEPOT = MINIMAL.state_names.index("Isc1")
SLOW = tuple(p.name for p in MINIMAL.parameters if not isinstance(p.prior, Fixed) and p.name != "G0")
WINDOWS = 25  # disturbance coefficients of a day, enough for the longest (25 h); those of hours that a day lacks rest
WINDOW = 60.0  # min that one disturbance coefficient lasts
DISTURBANCE_SPREADS = (0.08, 0.15, 0.3, 0.6, 1.2)  # mg/dL/min, the sizes s that are tried
DISTURBANCE_MEMORY = 90.0  # min, τ: Pollux's own choice (unverified)
# ρ: of 0.97, 0.9, 0.8, 0.6 and 0.3 the one with the best forecasts of six synthetic people (bench/announced.py).
MEMORY_PER_DAY = 0.8
# Laplace's normal distribution is a little too narrow where the posterior is curved: on 400 truths from the prior its
# 90 % intervals of SI held 84 % (rehearsal, seed 1). Its covariance is widened by this factor; checked on other seeds.
WIDENED = 1.15
SPREAD_DAYS = 3  # whole days on which the size of the disturbance is chosen
BLOCK = 28  # days of a block, counted from 1970: Pollux's own choice
SETTLING = 21  # first days after the anchor, a week old at least (0.8⁷ = 21 % is left): their means stay at the mode
REMEMBERED = 24  # last readings of a day from which the sensor's error at its end is reconstructed
FEWEST_READINGS = 36  # three hours of five-minute readings; a day with fewer teaches nothing
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Day:
    """One fitted day: where it began, what was learned, how it went. `start_state` (S,) is the state at its start.

    `weight` [kg] is the one it was fitted with; `late` (2, n) are the times of its last readings and how far off the
    fit they were [mg/dL]; `weak` are the combinations of slow parameters that it could not tell apart, weakest first.
    """

    start: float
    end: float
    start_state: Array | None
    prior: Gaussian
    posterior: Gaussian
    info: FitInfo
    end_state: Array
    spread: float
    weight: float
    late: Array
    weak: tuple[str, ...] = ()

    def slim(self) -> "Day":
        """The day without what only serves to look into its fit: prior, residuals and sensitivities."""
        nothing = Gaussian((), np.zeros(0), np.zeros((0, 0)))
        info = replace(self.info, residuals=np.zeros(0), jacobian=np.zeros((0, 0)))
        return replace(self, prior=nothing, info=info)

    @property
    def slow(self) -> Gaussian:
        """What this day, after those before it, says of the slow parameters."""
        return self.posterior.marginal(SLOW)


def last_window(start: float, end: float) -> int:
    """The index of the disturbance coefficient that holds at the end of a day."""
    return max(0, int(np.ceil((end - start) / WINDOW - 1e-9)) - 1)


def disturbance_covariance(spread: float) -> Array:
    """The prior covariance of the disturbance coefficients, `(WINDOWS, WINDOWS)` [(mg/dL/min)²]."""
    apart = np.abs(np.subtract.outer(np.arange(WINDOWS), np.arange(WINDOWS))) * WINDOW
    return spread**2 * np.exp(-apart / DISTURBANCE_MEMORY)


def schedule(course: Course, start: float, end: float) -> Schedule:
    """The course's inputs from `start` to `end` as the kernel takes them, on a clock that begins at 0."""
    edges = start + WINDOW * np.arange(1, last_window(start, end) + 1)
    segments = course.segments(start, end, extra=list(edges))
    middle = 0.5 * (segments.breaks[:-1] + segments.breaks[1:])
    which = np.minimum(((middle - start) // WINDOW).astype(int), last_window(start, end))
    values = np.zeros((middle.size, 5 + WINDOWS))
    values[:, :4] = segments.values
    values[np.arange(middle.size), 5 + which] = 1.0
    jumps = np.zeros((middle.size, len(MINIMAL.states)))
    for t, dose in segments.boluses:
        jumps[np.searchsorted(segments.breaks, t), DEPOT] += dose * 1000.0 / course.weight
    return Schedule(0.0, end - start, segments.breaks[:-1] - start, values, jumps)


def forward(course: Course, start: float, end: float, names: tuple[str, ...], start_state: Array | None) -> Forward:
    """z → what the sensor would read at the day's readings, with its sensitivities: the map that `fit` inverts."""
    model = with_disturbance(WINDOWS)
    chosen = course.readings[course.between(start, end) & (course.beyond == 0)]
    times, plan = chosen[:, 0] - start, schedule(course, start, end)
    priors = [model.parameter(name).prior for name in names]
    fixed = {"BW": course.weight, "basal": course.basal}
    first = names.index("G0")

    def run(z: Array) -> tuple[Array, Array]:
        values = {name: float(prior.from_standard(v)) for name, prior, v in zip(names, priors, z, strict=True)}
        slopes = np.array([float(prior.slope(v)) for prior, v in zip(priors, z, strict=True)])
        initial = seed = None
        if start_state is not None:
            initial, seed = start_state.copy(), np.zeros((start_state.size, len(names)))
            initial[-2:], seed[-2:, first] = values["G0"], 1.0
        answer = sensitivities(
            model, fixed | values, plan, times, names, initial=initial, initial_sensitivity=seed, tolerance=TOLERANCE
        )
        return answer.outputs["cgm_glucose"][0], answer.derivatives["cgm_glucose"][0] * slopes

    return run


def end_states(
    course: Course, start: float, end: float, names: tuple[str, ...], z: Array, start_state: Array | None
) -> Array:
    """Where each of `z` (n, P) leaves the body at the end of the day, `(n, S)`."""
    body, plan = compile(MINIMAL), schedule(course, start, end)
    model = with_disturbance(WINDOWS)
    values = {name: model.parameter(name).prior.from_standard(z[:, i]) for i, name in enumerate(names)}
    disturbed = np.column_stack([values.pop(f"d{k}") for k in range(WINDOWS)])
    parameters = body.parameter_matrix({"BW": course.weight, "basal": course.basal, **values}, len(z))
    inputs = np.zeros((len(z), len(MINIMAL.inputs)))
    inputs[:, :4] = plan.inputs[0, :4]
    states = body.start(parameters, inputs) if start_state is None else np.tile(start_state, (len(z), 1))
    if start_state is not None:
        states[:, -2:] = values["G0"][:, None]
    # By the code that follows readings, piece by piece: it is compiled for that anyway, and is as exact.
    for k, until in enumerate([*plan.times[1:], plan.end]):
        states = states + plan.jumps[k]
        inputs[:, :4], inputs[:, 4] = plan.inputs[k, :4], disturbed @ plan.inputs[k, 5:]
        states = body.advance(states, parameters, inputs, 0.0, until - plan.times[k], tolerance=TOLERANCE)
    return states


def day_prior(spread: float, slow: Gaussian | None = None) -> Gaussian:
    """The prior of a day: what is known of the slow parameters, a first glucose as in anybody, and the disturbance."""
    slow = slow or Gaussian.standard(SLOW)
    size = len(SLOW)
    names = (*SLOW, "G0", *(f"d{k}" for k in range(WINDOWS)))
    covariance = np.eye(len(names))
    covariance[:size, :size] = slow.covariance
    covariance[size + 1 :, size + 1 :] = disturbance_covariance(spread)
    return Gaussian(names, np.concatenate([slow.mean, np.zeros(1 + WINDOWS)]), covariance)


def loosen(slow: Gaussian, days: float = 1.0) -> Gaussian:
    """Let what was known of the slow parameters fade towards the population as days pass."""
    keep = MEMORY_PER_DAY**days
    return Gaussian(slow.names, keep * slow.mean, keep**2 * slow.covariance + (1.0 - keep**2) * np.eye(slow.mean.size))


def fit_day(
    course: Course,
    start: float,
    end: float,
    spread: float,
    before: Gaussian | None = None,
    state: Array | None = None,
    *,
    rough: bool = False,
) -> Day | None:
    """Fit one day; None when it has too few readings. `state` is where the day before ended (S,).

    A `rough` fit leaves the means at the mode: enough to compare sizes of the disturbance.
    """
    used = course.readings[course.between(start, end) & (course.beyond == 0)]
    if len(used) < FEWEST_READINGS:
        return None
    prior = day_prior(spread, before)
    run = forward(course, start, end, prior.names, state)
    guess = prior.mean.copy()
    guess[len(SLOW)] = float(MINIMAL.parameter("G0").prior.to_standard(max(used[0, 1], 1.0)))
    noise = NOISE.covariance(used[:, 0])
    posterior, info = fit(run, used[:, 1], noise, prior, start=guess, skewed=0 if rough else len(SLOW) + 1)
    posterior = replace(posterior, covariance=WIDENED * posterior.covariance)
    ended = end_states(course, start, end, prior.names, posterior.mean[None, :], state)[0]
    # Raw residuals of the best fit, which is what the sensor was off by at the readings.
    with one_thread():
        off = (np.linalg.cholesky(noise) @ info.residuals)[-REMEMBERED:]
    late = np.stack([used[-REMEMBERED:, 0], off])
    weak = () if rough else tuple(str(combination) for combination in local_rank(info, prior, SLOW)[1])
    return Day(start, end, state, prior, posterior, info, ended, spread, course.weight, late, weak)


def anchor(until: float, timezone: str) -> float:
    """Where the fitting of days begins for a twin at a time: the start of the 28-day block before the current one.

    Days go from 4 o'clock to 4 o'clock where the person is; the day that began on 1970-01-01 is the first of block 0. A
    day belongs to the block in which it begins, and so does every minute of it.

    >>> EPOCH + timedelta(minutes=anchor(40 * 1440.0, "UTC"))
    datetime.datetime(1970, 1, 1, 4, 0, tzinfo=datetime.timezone.utc)
    """
    today = datetime.fromtimestamp(until * 60.0, UTC).astimezone(ZoneInfo(timezone)).date()
    if until < local_minute(today, DAY_STARTS, timezone):
        today -= timedelta(days=1)
    first = date(1970, 1, 1)
    block = (today - first).days // BLOCK
    return local_minute(first + timedelta(days=BLOCK * (block - 1)), DAY_STARTS, timezone)


def calibrate(record: Record, until: float, kept: tuple[Day, ...] = ()) -> tuple[Day, ...]:
    """Fit every whole day from the anchor up to a time, in order, each standing on those before it.

    `kept` are days already fitted from the same anchor on the very same events; those whose body weight is what it was
    are not fitted again (the answer is the same).
    """
    ends = boundaries(record, until)
    same = [weight_at(record, EPOCH + timedelta(minutes=day.end)) == day.weight for day in kept]
    kept = kept[: same.index(False)] if False in same else kept
    spread = kept[0].spread if len(kept) >= SPREAD_DAYS else _choose_spread(record, ends)
    days = _chain(record, ends, spread, kept if len(kept) >= SPREAD_DAYS else ())
    return tuple(day.slim() for day in days)


def _choose_spread(record: Record, ends: list[float]) -> float:
    """The size of the disturbance under which the first days are most probable: uphill from the middle one."""

    @cache
    def evidence(k: int) -> float:
        tell(f"choosing the size of what nobody logged, {DISTURBANCE_SPREADS[k]:g} mg/dL/min")
        chain = _chain(record, ends, DISTURBANCE_SPREADS[k], rough=True)
        return sum(day.info.log_evidence for day in chain)

    best = len(DISTURBANCE_SPREADS) // 2
    for step in (-1, 1):
        while 0 <= best + step < len(DISTURBANCE_SPREADS) and evidence(best + step) > evidence(best):
            best += step
    return DISTURBANCE_SPREADS[best]


def boundaries(record: Record, until: float) -> list[float]:
    """The ends of the whole days of a record from the anchor on."""
    start = first_reading(record, until)
    return [] if start is None else day_boundaries(start, until, record.person.timezone)


def first_reading(record: Record, until: float) -> float | None:
    """The time of the first sensor reading from the anchor of a time on, if there is one up to then."""
    readings = record.of("cgm_glucose")
    since = EPOCH + timedelta(minutes=anchor(until, record.person.timezone))
    k = bisect_right(readings, since, key=lambda e: e.time)
    return minutes(readings[k].time) if k < len(readings) and minutes(readings[k].time) <= until else None


def _chain(
    record: Record, ends: list[float], spread: float, kept: tuple[Day, ...] = (), *, rough: bool = False
) -> tuple[Day, ...]:
    """Days in order, each on the one before it; `rough` ones until there are enough to choose the spread on."""
    days = list(kept)
    slow: Gaussian | None = None
    state: Array | None = None
    first = first_reading(record, ends[-1]) if ends else None
    start = (first or 0.0) - 1e-6
    since = anchor(ends[-1], record.person.timezone) if ends else 0.0
    for number, end in enumerate(ends, 1):
        day = next((d for d in kept if d.end == end), None)
        if day is None and (not kept or end > kept[-1].end):
            if not rough:
                tell(f"fitting day {number} of {len(ends)}")
            moment = EPOCH + timedelta(minutes=end)
            simple = rough or end <= since + SETTLING * 1440.0
            day = fit_day(Course.of(record, moment), start, end, spread, slow, state, rough=simple)
            days += [day] if day else []
            if rough and len(days) == SPREAD_DAYS:
                break
        if day:
            slow, state = loosen(day.slow, (end - start) / 1440.0), day.end_state
        else:
            slow, state = (loosen(slow) if slow else None), None
        start = end
    return tuple(days)
