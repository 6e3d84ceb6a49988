"""How fast one person is calibrated, tracked and answered, with warm caches.

    python bench/inference.py [--repeat 7] [--out bench/results/inference.json]

Each figure is the median of several runs: wall time, and processor time of all threads (of the child process, where one
is started). No figure is printed for an answer that does not pass its check.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine

from pollux.calibration.chance import normals
from pollux.calibration.course import Course
from pollux.calibration.daily import SLOW, Day, fit_day
from pollux.calibration.rehearsal import END, START, _day
from pollux.calibration.tracking import MEMBERS, Ensemble, begin, update
from pollux.demo import STORIES, live, starts, write
from pollux.record import Record
from pollux.record.entry import Entry
from pollux.record.event import Person
from pollux.sources import read
from pollux.store import Store
from pollux.twins import Twin

SEED, SPREAD = 5, 0.3  # mg/dL/min: the size of what nobody announced in the rehearsed day
GOALS = {  # ms of wall time
    "MAP of one person-day": 50.0,
    "filter update, one reading": 0.5,
    "pollux --help, fresh process": 300.0,
    "first forecast, fresh process": 2000.0,
}


def timed(run: Callable[[], Any], repeat: int) -> dict[str, float]:
    """Median wall and CPU milliseconds of a call in this process, and the spread of the wall time."""
    wall, cpu = [], []
    for _ in range(repeat):
        began, used = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    return _row(wall, cpu)


def _row(wall: list[float], cpu: list[float]) -> dict[str, float]:
    ms = 1e3 * np.array(wall)
    return {
        "wall_ms": float(np.median(ms)),
        "cpu_ms": 1e3 * float(np.median(cpu)),
        "wall_least_ms": float(ms.min()),
        "wall_most_ms": float(ms.max()),
        "runs": float(len(wall)),
    }


def expect(holds: bool, what: str) -> None:
    """An answer that is wrong has no speed."""
    if not holds:
        raise SystemExit(f"not measured, because the answer is wrong: {what}")


def rehearsed() -> tuple[np.ndarray, Course]:
    """A day of a known truth: 288 readings, three meals with their boluses, a disturbance, sensor error."""
    rng = normals(SEED, "bench", 0.0)
    truth = 0.5 * rng.standard_normal(len(SLOW))
    return truth, _day(truth, SPREAD, rng)


def fitted(truth: np.ndarray, course: Course) -> Day:
    day = fit_day(course, START, END, SPREAD)
    assert day is not None
    again = fit_day(course, START, END, SPREAD)
    assert again is not None
    expect(day.info.converged, "the fit did not settle")
    expect(bool(np.all(np.abs(day.slow.mean - truth) < 4.0 * day.slow.sd)), "the fit lies far from the truth")
    expect(bool(np.array_equal(day.posterior.mean, again.posterior.mean)), "two fits of the same day differ")
    return day


def followed(course: Course) -> tuple[Ensemble, list[float], list[float], list[float]]:
    """The filter over a day, reading by reading: where it ends, wall and CPU seconds of each, and the innovations."""
    body = begin(course, float(course.readings[0, 0]), SEED)
    wall, cpu, seen = [], [], []
    for at, reading in course.readings[1:]:
        began, used = time.perf_counter(), time.process_time()
        body, info = update(body, course, float(at), float(reading))
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        seen.append(info.standardised)
    return body, wall, cpu, seen


def tracking(course: Course) -> dict[str, float]:
    first, *_ = followed(course)
    last, wall, cpu, seen = followed(course)
    expect(bool(np.array_equal(first.members, last.members)), "two passes over the same readings differ")
    expect(0.2 < float(np.mean(np.square(seen))) < 3.0, "the filter does not follow the readings")
    return _row(wall, cpu) | {"wall_95th_percentile_ms": 1e3 * float(np.quantile(wall, 0.95))}


def child(command: list[str], repeat: int, before: Callable[[], None] = lambda: None) -> tuple[dict[str, float], str]:
    """Median wall and CPU milliseconds of a fresh process, and what it printed last."""
    wall, cpu, printed = [], [], ""
    for _ in range(repeat):
        before()
        used, began = os.times(), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall.append(time.perf_counter() - began)
        now = os.times()
        cpu.append(now.children_user + now.children_system - used.children_user - used.children_system)
        expect(done.returncode == 0, f"{command[1:4]} ended with {done.returncode}: {done.stderr[-300:]}")
        printed = done.stdout
    return _row(wall, cpu), printed


def kept(folder: Path, name: str, days: int) -> Path:
    """A store with the first days of a synthetic person, as the demo writes and imports them."""
    story = next(s for s in STORIES if s.id == name)
    begins = starts(story)
    now = begins + timedelta(days=story.days)
    path = folder / f"{name}-{days}.pollux.db"
    with Store.open(path) as store:
        store.take([Entry(name, Person(name, timezone=story.timezone, synthetic=True))], now)
        for file in write(story, live(story, begins), folder):
            entries = read(file, learned=now, person=name, timezone=story.timezone)
            until = begins + timedelta(days=days)
            store.take((e for e in entries if getattr(e.item, "time", begins) <= until), now)
    return path


def forecasts(folder: Path, name: str, days: int, repeat: int) -> dict[str, dict[str, float]]:
    """`pollux forecast` in fresh processes: without a checkpoint, and with the one that the first run left."""
    fresh = kept(folder, name, days)
    used = folder / f"{name}-used.pollux.db"

    def forget() -> None:
        """The store as it was, with the keys and the head of its audit, which lie beside it."""
        for old in folder.glob(f"{used.name}*"):
            old.unlink()
        for file in folder.glob(f"{fresh.name}*"):
            shutil.copy(file, folder / file.name.replace(fresh.name, used.name))

    command = [sys.executable, "-m", "pollux", "forecast", name, "--json", "--store", str(used)]
    child(command, 1, forget)  # compiled before anything is timed
    begun, first = child(command, repeat, forget)
    resumed, second = child(command, repeat)
    one, two = (np.array(json.loads(text)[0]["bands"]) for text in (first, second))
    expect(one.shape == (5, 24) and bool(np.all(np.diff(one, axis=0) >= 0.0)), "bands are not in order")
    expect(bool(np.array_equal(one, two)), "the forecast from the checkpoint differs")
    said = f"{name}, {days} days"
    return {f"first forecast, fresh process ({said})": begun, f"the same from its checkpoint ({said})": resumed}


def learning(folder: Path, repeat: int) -> dict[str, dict[str, float]]:
    """What one reading and one forecast cost a twin in memory, the record's bookkeeping included."""
    with Store.open(folder / "ada-8.pollux.db") as store:
        record = store.record("ada")
    last = record.of("cgm_glucose")[-1]
    twin = Twin.begin(Record(record.person, tuple(e for e in record.current if e != last)))
    grown, whole = twin.learn([last]), Twin.begin(record)
    expect(bool(np.array_equal(grown.forecast().bands, whole.forecast().bands)), "one by one differs from at once")
    return {
        "Twin.learn, one reading": timed(lambda: twin.learn([last]), repeat),
        "Twin.forecast, 2 h": timed(whole.forecast, repeat),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "inference.json")
    asked = parser.parse_args()
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    truth, course = rehearsed()
    day = fitted(truth, course)
    rows = {"MAP of one person-day": timed(lambda: fit_day(course, START, END, SPREAD), asked.repeat)}
    rows["filter update, one reading"] = tracking(course)
    rows["an empty python, fresh process"], _ = child([sys.executable, "-c", "pass"], asked.repeat)
    rows["pollux --help, fresh process"], text = child([sys.executable, "-m", "pollux", "--help"], asked.repeat)
    expect("forecast" in text, "the help does not name the commands")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for person, days in (("ada", 2), ("ada", 8), ("cleo", 12)):
            rows |= forecasts(folder, person, days, max(3, asked.repeat // 2))
        rows |= learning(folder, asked.repeat)
    print(f"{'':52}{'wall ms':>10}{'least':>10}{'most':>10}{'CPU ms':>10}{'goal':>8}")
    for what, row in rows.items():
        goal = next((f"{ms:g}" for known, ms in GOALS.items() if what.startswith(known)), "")
        print(
            f"{what:52}{row['wall_ms']:10.2f}{row['wall_least_ms']:10.2f}{row['wall_most_ms']:10.2f}"
            f"{row['cpu_ms']:10.2f}{goal:>8}"
        )
    readings = len(course.readings)
    about |= {"day": f"{readings} readings, {day.info.iterations} iterations", "filter": f"{MEMBERS} members"}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"machine": about, "goals_ms": GOALS, "measured": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
