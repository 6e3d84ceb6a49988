"""Which worker runs which tests: what compiles the same models stays together, so that each is compiled once.

A plugin of pytest. It takes the place of xdist's own groups, which pytest 9 does not see.
"""

from functools import cache

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

COMPILING = ("battery", "models", "kernel", "calibration")  # rooms whose tests compile models of their own


@cache
def scope_of(nodeid: str) -> str:
    """What a test has to stay together with: a model of the library, a file that compiles, or only itself.

    >>> scope_of("tests/battery/test_every_model.py::test_units_resolve[phenobarbital]")
    'phenobarbital'
    >>> scope_of("tests/kernel/test_dosing.py::test_a[1]"), scope_of("tests/store/test_keys.py::test_a")
    ('tests/kernel/test_dosing.py', 'tests/store/test_keys.py::test_a')
    """
    from pollux.models import catalogue

    file, _, rest = nodeid.partition("::")
    if file.split("/")[1] not in COMPILING:
        return nodeid
    named = rest.partition("[")[2].rstrip("]")
    return named if named in catalogue() else file


class SharingOut(LoadScopeScheduling):  # type: ignore[misc]  # xdist states no types
    """xdist's scheduler by scope, with the scopes of this house."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharingOut:
    return SharingOut(config, log)
