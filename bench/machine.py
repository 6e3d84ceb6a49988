"""What the figures were measured on, without naming the machine."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("pollux", "numpy", "scipy", "numba", "llvmlite", "jax", "diffrax", "numpyro", "nutpie", "libroadrunner")


def machine() -> dict[str, str]:
    """Processor, cores that this process may use, load, and versions; no host names and no paths."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    said = {"processor": _processor(), "cores": str(cores), "system": f"{platform.system()} {platform.machine()}"}
    if hasattr(os, "getloadavg"):
        said["load at the start"] = f"{os.getloadavg()[0]:.1f}"
    said["python"] = platform.python_version()
    return said | {name: _version(name) for name in PACKAGES}


def _processor() -> str:
    """The processor's own name; on Linux `platform` does not know it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
