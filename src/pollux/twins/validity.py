"""When a twin may answer, when it warns, and when it abstains."""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime, timedelta

from pollux.errors import RefusedInput
from pollux.models.glucose.minimal import MINIMAL
from pollux.plans import Plan
from pollux.record import EPOCH, Record
from pollux.twins.answers import Grounds
from pollux.twins.body import Body
from pollux.twins.doubts import Doubts
from pollux.vocabulary import term

# All of these are Pollux's own choices (unverified), on the side of silence.
FEWEST_READINGS = 36  # three hours
STALE = timedelta(minutes=30)  # warns
TOO_STALE = timedelta(hours=3)  # abstains
PUMP_LATELY = timedelta(days=7)  # in which a person on a pump has a basal rate
FARTHEST = {"announced": timedelta(hours=8), "sensed": timedelta(hours=2)}
USED = (
    "cgm_glucose",
    "insulin_bolus",
    "insulin_basal_rate",
    "insulin_long_acting",
    "carbohydrate_intake",
    "body_weight",
)


def grounds(record: Record, now: datetime, body: Body, plan: Plan, horizon: timedelta, found: Doubts) -> Grounds:
    """What an answer at `now` stands on, why to be careful, why to be silent; `found` are the doubts of its data."""
    readings = record.of("cgm_glucose")
    last = readings[-1].time if readings else None
    announced = body.model == MINIMAL.name
    used = {name: count for name in USED if (count := _count(record, name, body.since))}
    abstains, cautions = _data(used.get("cgm_glucose", 0), last, now)
    abstains += found.abstains
    farthest = FARTHEST["announced" if announced else "sensed"]
    if horizon > farthest:
        abstains.append(f"forecasts beyond {farthest.total_seconds() / 3600:g} h were not tried with this model")
    if announced:
        abstains += MINIMAL.domain.outside(dict(body.covariates(record)))
    elif plan.events:
        abstains.append("insulin and meals of this person are not known, so what they would do cannot be said")
    for event in plan.events:
        name, usual = term(event.quantity).label.lower(), term(event.quantity).plausible
        if usual and not usual[0] <= event.number() <= usual[1]:
            said = f"{event.number():g} {event.unit} of {name} is beyond what the model was tried with"
            abstains.append(f"{said} ({usual[0]:g} to {usual[1]:g} {event.unit})")
        if not now <= event.time < now + horizon:
            cautions.append(
                f"{name} at {event.time:%Y-%m-%d %H:%M} UTC lies outside this forecast and changes nothing in it"
            )
    cautions += [*found.cautions, *advice(body.fit())]
    if record.person.as_of:
        cautions.append(shifted(record.person.as_of))
    missing = [] if record.of("body_weight") or not announced else ["body weight (70 kg assumed)"]
    missing += [] if record.person.birth_date else ["birth date"]
    missing += ["insulin and meals"] if not announced else []
    found_why = tuple(missing), tuple(abstains), tuple(cautions)
    return Grounds(body.model, body.version, used, last, *found_why, as_of=record.person.as_of)


def shifted(as_of: str) -> str:
    """What is said of a person whose dates were shifted."""
    return f"the dates of these data were shifted: they are told as if today were {as_of}"


def feasible(record: Record, now: datetime, plan: Plan) -> None:
    """Refuse a plan that changes a pump's rate for somebody who has no pump: nobody suspends a depot."""
    if not any(event.quantity == "insulin_basal_rate" for event in plan.events):
        return
    part = record.between(now - PUMP_LATELY, now)
    injected = record.of("insulin_long_acting")
    if injected and not part.of("insulin_basal_rate"):
        raise RefusedInput(
            "this person injects long-acting insulin: there is no basal rate to suspend or to change",
            where="plan",
            advice="Plan meals and boluses; a depot under the skin cannot be stopped.",
        )


def _count(record: Record, quantity: str, since: float) -> int:
    """How many events of a quantity lie in the time that the body looks at; of body weight, all."""
    events = record.of(quantity)
    if quantity == "body_weight":
        return len(events)
    return len(events) - bisect_left(events, EPOCH + timedelta(minutes=since), key=lambda e: e.time)


def _data(count: int, last: datetime | None, now: datetime) -> tuple[list[str], list[str]]:
    abstains, cautions = [], []
    if count < FEWEST_READINGS:
        abstains.append(f"only {count} glucose readings are known; {FEWEST_READINGS} are needed")
    silent = now - last if last else timedelta.max
    if silent > TOO_STALE:
        abstains.append("the last glucose reading is more than 3 h old")
    elif silent > STALE:
        cautions.append(f"the last glucose reading is {silent.total_seconds() / 60:.0f} min old")
    return abstains, cautions


def advice(fit: Mapping[str, float]) -> tuple[str, ...]:
    """What a person should make of how the model has followed the data."""
    said = []
    if fit.get("mean square of standardised innovations", 1.0) > 2.0:
        said.append(
            "the sensor has surprised the model more than it should: look for meals or doses that nobody logged"
        )
    if fit.get("misfit of the last day", 1.0) > 2.0:
        said.append("the last calibrated day left more unexplained than the sensor's error allows")
    return tuple(said)
