"""Compiling ahead what a site uses, so that nobody waits for it at a bedside."""

import time

from pollux.cli.app import app
from pollux.cli.printing import say
from pollux.errors import UnknownName


@app.command
def warm(*models: str) -> None:
    """Compile the twin's models ahead, and those drug models that are named; what is compiled is kept and found again.

    Without a name: what forecasts need. With names such as `vancomycin-goti-2018`: those as well. A model that is
    compiled already costs nothing.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from pollux.kernel.generated import check_cache
    from pollux.models.drugs import library

    known = library()
    unknown = [name for name in models if name not in known]
    if unknown:
        raise UnknownName(
            f"there is no drug model {', '.join(unknown)}", advice=f"There are: {', '.join(sorted(known))}."
        )
    say(f"compiling into {check_cache()}", now=True)
    work = [("announced twin: forecasts", "tracking", ""), ("announced twin: days and their sensitivities", "days", "")]
    work += [("sensor-only twin", "sensed", "")]
    work += [(name, "drug", name) for name in models]
    began = time.perf_counter()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for (what, _, _), seconds in zip(work, pool.map(_compile, work), strict=True):
            say(f"  {what}: {seconds:.1f} s", now=True)
    say(f"ready after {time.perf_counter() - began:.1f} s")


def _compile(piece: tuple[str, str, str]) -> float:
    """Compile one piece, in a process of its own; the seconds it took there."""
    from pollux.calibration import ready

    _, kind, name = piece
    began = time.perf_counter()
    if kind == "drug":
        ready.drug(name)
    else:
        getattr(ready, kind)()
    return time.perf_counter() - began
