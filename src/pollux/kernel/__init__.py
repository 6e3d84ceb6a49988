"""Compiles a model and moves it through time, for one body or a million."""

from pollux.kernel.compiled import Compiled, compile
from pollux.kernel.program import Program, trace
from pollux.kernel.schedule import Schedule
from pollux.kernel.sensitivity import Sensitivities, sensitivities
from pollux.kernel.simulation import Simulation, simulate

__all__ = [
    "Compiled",
    "Program",
    "Schedule",
    "Sensitivities",
    "Simulation",
    "compile",
    "sensitivities",
    "simulate",
    "trace",
]
