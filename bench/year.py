"""A year of record with insulin and meals: what beginning, learning, asking and keeping a twin cost.

A synthetic person of `pollux.demo.life` (the S2008 model, not the twin's own equations) lives for a year with pump and
sensor. Measured warm, on one record: the first forecast from nothing, one reading more, one what-if, the checkpoint.

    python bench/year.py [--days 365] [--json FILE]
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from announced import PUMP, story

from pollux.demo.life import live
from pollux.demo.stories import starts
from pollux.models.glucose.uva_padova import virtual_patients
from pollux.plans import Plan, bolus, meal
from pollux.record import Event, Person, Record
from pollux.twins import Twin


def lived(days: int) -> Record:
    """The record of a person who lived for so many days."""
    told = story("adult#004", 9, days)
    diary = live(told, starts(told))

    def event(t, quantity, value, unit, end=None):
        return Event(t, quantity, value, unit, PUMP, learned=t, end=end)

    events = [event(diary.readings[0][0], "body_weight", virtual_patients()[told.patient]["BW"], "kg")]
    events += [event(t, "cgm_glucose", v, "mg/dL") for t, v in diary.readings]
    events += [event(t, "insulin_bolus", v, "U") for t, v in diary.boluses]
    events += [event(t, "carbohydrate_intake", v, "g") for t, v in diary.meals]
    events += [event(t, "insulin_basal_rate", v, "U/h", t + timedelta(days=1)) for t, v in diary.basal]
    return Record(Person(told.id, birth_date=told.birth_date, timezone=told.timezone), tuple(events))


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What some work gives, its seconds on the wall and on the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work()
    return answer, time.perf_counter() - wall, time.process_time() - cpu


def measure(record: Record) -> dict[str, float]:
    """Every figure of a record, warm."""
    readings = record.of("cgm_glucose")
    early = Record(record.person, tuple(e for e in record.events if e.time <= readings[-2].time))
    twin, begin, begin_cpu = timed(lambda: Twin.begin(early))
    _, first, first_cpu = timed(twin.forecast)
    grown, learn, learn_cpu = timed(lambda: twin.learn([readings[-1]]))
    grown.forecast()
    plan = Plan("lunch", (meal(grown.now, 60.0), bolus(grown.now, 6.0)))
    _, asked, asked_cpu = timed(lambda: [grown.forecast(plan, timedelta(hours=4)) for _ in range(10)])
    content, save, _ = timed(grown.save)
    back, load, _ = timed(lambda: Twin.load(content, record))
    assert back.save() == content, "a twin that was kept is not the twin that comes back"
    _, earlier, _ = timed(lambda: grown.at(grown.now - timedelta(hours=3)))
    return {
        "events": len(record.events),
        "begin [s]": begin, "begin, CPU [s]": begin_cpu, "first forecast [s]": first,
        "begin and first forecast [s]": begin + first, "begin and first forecast, CPU [s]": begin_cpu + first_cpu,
        "learn one reading [ms]": 1e3 * learn, "learn one reading, CPU [ms]": 1e3 * learn_cpu,
        "what-if of 4 h [ms]": 1e2 * asked, "what-if of 4 h, CPU [ms]": 1e2 * asked_cpu,
        "save [ms]": 1e3 * save, "load [ms]": 1e3 * load, "three hours back [ms]": 1e3 * earlier,
        "checkpoint [kB]": len(content) / 1e3,
        "memory [MB]": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def main() -> None:
    """Measure three lengths of record and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    measure(lived(8))  # compiles
    lengths = sorted({28, 90, asked.days})
    table = {days: measure(lived(days)) for days in lengths}
    print(f"{'days of record':36s}" + "".join(f"{days:>12d}" for days in lengths))
    for name in table[lengths[0]]:
        print(f"{name:36s}" + "".join(f"{table[days][name]:12,.1f}" for days in lengths))
    if asked.json:
        asked.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
