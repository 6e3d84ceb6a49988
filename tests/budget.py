"""What each room's tests cost, in processor time of one machine, and whether that is what CONTRIBUTING.md allows.

A plugin of pytest. Processor time (of a test, its fixtures and its child processes) is divided by that of a fixed loop,
run in the same process before and after, so that a slow or busy machine is no failure: a cost of 1 s is what takes 1 s
where the loop takes `LOOP` seconds. Budgets are checked when the whole suite ran and `POLLUX_BUDGET` is set.
"""

import os
import re
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

LOOP = 0.25  # s of the loop on the machine for which the budgets are stated
TABLE = Path(__file__).parents[1] / "CONTRIBUTING.md"
_ROW = re.compile(r"^\| `([a-z]+)` \| (\d+) s \|", re.MULTILINE)


def budgets() -> dict[str, float]:
    """Seconds that each room may cost, from the table in CONTRIBUTING.md."""
    return {room: float(seconds) for room, seconds in _ROW.findall(TABLE.read_text(encoding="utf-8"))}


def room_of(nodeid: str) -> str:
    """The room whose budget a test is charged to: its folder under `tests/` or, for a doctest, under `src/pollux/`.

    >>> room_of("tests/care/treatment/test_review.py::test_a"), room_of("src/pollux/record/event.py::pollux.record")
    ('care', 'record')
    >>> room_of("tests/test_documented.py::test_a")
    'house'
    """
    parts = nodeid.split("::")[0].split("/")
    inside = parts[2:] if parts[0] == "src" else parts[1:]
    return inside[0] if len(inside) > 1 else "house"


def loop() -> float:
    """Processor time [s] of a fixed piece of work: interpreted steps and array arithmetic, half and half."""
    begin = time.process_time()
    total = 0
    for k in range(4_000_000):
        total += k % 7
    values = np.linspace(0.1, 1.0, 20_000)
    for _ in range(800):
        values = np.sqrt(values * values + 1e-9)
    assert total > 0
    assert values.size == 20_000
    return time.process_time() - begin


def spent() -> float:
    """Processor time of this process and its ended children [s]."""
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


class Costs:
    """Gathers what tests cost: in each worker, and of all of them where they are reported."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._here: defaultdict[str, float] = defaultdict(float)
        self._all: defaultdict[str, float] = defaultdict(float)
        self._loops: list[float] = []
        self._worker = hasattr(config, "workerinput")
        self._alone = not self._worker and not config.getoption("numprocesses", None)

    def pytest_sessionstart(self) -> None:
        if self._worker or self._alone:
            self._loops.append(loop())

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        before = spent()
        yield
        self._here[room_of(item.nodeid)] += spent() - before

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._worker or self._alone:
            self._loops.append(loop())
            scale = LOOP / (sum(self._loops) / len(self._loops))
            costs = {room: seconds * scale for room, seconds in self._here.items()}
            if self._worker:
                self._config.workeroutput["costs"] = costs  # type: ignore[attr-defined]
            else:
                self._add(costs)
        if not self._worker and self._over() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self._add(getattr(node, "workeroutput", {}).get("costs", {}))

    def _add(self, costs: dict[str, float]) -> None:
        for room, seconds in costs.items():
            self._all[room] += seconds

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not os.environ.get("POLLUX_BUDGET"):
            return
        allowed = budgets()
        terminalreporter.section("processor time by room, in seconds of the machine that the budgets are stated for")
        for room, seconds in sorted(self._all.items(), key=lambda pair: -pair[1]):
            terminalreporter.line(f"{room:12s} {seconds:7.1f} of {allowed.get(room, 0):5.0f} s")
        for line in self._over():
            terminalreporter.line(line, red=True)

    def _over(self) -> list[str]:
        if not os.environ.get("POLLUX_BUDGET"):
            return []
        allowed = budgets()
        return [
            f"the tests of {room} cost {seconds:.0f} s; {allowed[room]:.0f} s are theirs: make them cheaper, or change "
            "the budget in CONTRIBUTING.md and say why"
            if room in allowed
            else f"the tests of {room} have no budget: give them a row in CONTRIBUTING.md"
            for room, seconds in sorted(self._all.items())
            if seconds > allowed.get(room, 0.0)
        ]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Costs(config), "pollux-costs")
