"""Forecasts for synthetic people who are not made of the twin's own equations: the misspecified case.

Virtual patients of the UVA/Padova S2008 model live through days with counting errors, forgotten boluses and unlogged
snacks, seen through a sensor with gain error, drift and correlated noise. Every hour from the fifth day on their twin
(oral minimal model) forecasts, told of the meals and doses that were then logged, and is scored against the sensor.

    python bench/announced.py [--people 10]
"""

import argparse
import time
from datetime import timedelta

import numpy as np

from pollux.demo.life import Diary, Story, live
from pollux.demo.stories import starts
from pollux.models.glucose.uva_padova import virtual_patients
from pollux.plans import Plan
from pollux.record import Event, Person, Record, Source
from pollux.twins import Twin

HORIZONS = (30, 60, 120)
DAYS, LEARNING = 8, 4
PUMP = Source("bench", "synthetic")


def story(name: str, seed: int, days: int = DAYS) -> Story:
    return Story(
        id=name, name=("Virtual", "Patient"), patient=name, birth_date="1985-01-01", sex="female", timezone="UTC",
        days=days, about="", height=165.0, counting_error=0.2, seed=seed, last_hour=24.0,
    )  # fmt: skip


def record(told: Story, diary: Diary) -> Record:
    begins = diary.readings[0][0]

    def event(t, quantity, value, unit, end=None):
        return Event(t, quantity, value, unit, PUMP, learned=t, end=end)

    events = [event(begins, "body_weight", virtual_patients()[told.patient]["BW"], "kg")]
    events += [event(t, "cgm_glucose", v, "mg/dL") for t, v in diary.readings]
    events += [event(t, "insulin_bolus", v, "U") for t, v in diary.boluses]
    events += [event(t, "carbohydrate_intake", v, "g") for t, v in diary.meals]
    events += [event(t, "insulin_basal_rate", v, "U/h", t + timedelta(days=1)) for t, v in diary.basal]
    return Record(Person(told.id, birth_date=told.birth_date), tuple(events))


def score(known: Record) -> tuple[dict[int, np.ndarray], float]:
    """For each horizon rows of (reading, median, 5 %, 95 %, reading at the time of the forecast)."""
    shown = {e.time.replace(second=0): e.number() for e in known.of("cgm_glucose")}
    begins, last = known.of("cgm_glucose")[0].time, known.of("cgm_glucose")[-1].time
    now, twin, rows = begins + timedelta(days=LEARNING), None, {h: [] for h in HORIZONS}
    began = time.process_time()
    while now + timedelta(minutes=max(HORIZONS)) <= last:
        twin = Twin.begin(known, now) if twin is None else twin.at(now)
        ends = now + timedelta(minutes=max(HORIZONS))
        doses = [e for e in known.of("insulin_bolus") if now < e.time <= ends]
        food = [e for e in known.of("carbohydrate_intake") if now < e.time <= ends]
        forecast = twin.forecast(Plan("what was logged", (*doses, *food)))
        for h in HORIZONS:
            reading = shown.get(now + timedelta(minutes=h))
            if reading is not None and now in shown and not forecast.abstains:
                middle, low, high = forecast.at(float(h))
                rows[h].append((reading, middle, low, high, shown[now]))
        now += timedelta(hours=1)
    return {h: np.array(r) for h, r in rows.items()}, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10)
    names = [n for n in virtual_patients() if not n.startswith("child")][: parser.parse_args().people]
    print("person            " + "".join(f"{f'{h} min: RMSE, persistence, inside 90 %':>42s}" for h in HORIZONS))
    every: dict[int, list[tuple[float, float, float]]] = {h: [] for h in HORIZONS}
    for seed, name in enumerate(names, 1):
        told = story(name, seed)
        scored, seconds = score(record(told, live(told, starts(told))))
        line = f"{name:18s}"
        for h, r in scored.items():
            figures = (
                float(np.sqrt(np.mean((r[:, 0] - r[:, 1]) ** 2))),
                float(np.sqrt(np.mean((r[:, 0] - r[:, 4]) ** 2))),
                float(np.mean((r[:, 0] >= r[:, 2]) & (r[:, 0] <= r[:, 3]))),
            )
            every[h].append(figures)
            line += f"{figures[0]:24.1f}{figures[1]:10.1f}{figures[2]:8.2f}"
        print(f"{line}   {seconds:.1f} CPU s", flush=True)
    means = {h: np.mean(rows, axis=0) for h, rows in every.items()}
    print(f"{'mean':18s}" + "".join(f"{m[0]:24.1f}{m[1]:10.1f}{m[2]:8.2f}" for m in means.values()))


if __name__ == "__main__":
    main()
