"""The workloads in libRoadRunner (CVODE), through its own Antimony, one patient after another."""

import time
from typing import Any

import numpy as np

from pollux.kernel.task import Task

PK = """
model pk()
  D' = -ka*D;
  A' = ka*D - CL*A/V1 - Q*(A/V1 - B/V2);
  B' = Q*(A/V1 - B/V2);
  R' = kin*(1 - Imax*(A/V1)/(IC50 + A/V1)) - kout*R;
  {values}
end
"""

HEART = """
model heart()
  phase := time/period - floor(time/period);
  squeeze := piecewise(sin(pi*phase/0.4)^2, phase < 0.4, 0);
  Plv := (Emin_l + (Emax_l - Emin_l)*squeeze)*(lv - 10);
  Prv := (Emin_r + (Emax_r - Emin_r)*squeeze)*(rv - 10);
  mitral := piecewise((la/C_la - Plv)/R_valve, la/C_la > Plv, 0);
  aortic := piecewise((Plv - sa/C_sa)/R_valve, Plv > sa/C_sa, 0);
  tricuspid := piecewise((ra/C_ra - Prv)/R_valve, ra/C_ra > Prv, 0);
  pulmonary := piecewise((Prv - pa/C_pa)/R_valve, Prv > pa/C_pa, 0);
  body := (sa/C_sa - sv/C_sv)/R_sys;
  back := (sv/C_sv - ra/C_ra)/R_sv;
  lung := (pa/C_pa - pv/C_pv)/R_pul;
  home := (pv/C_pv - la/C_la)/R_pv;
  lv' = mitral - aortic; sa' = aortic - body; sv' = body - back; ra' = back - tricuspid;
  rv' = tricuspid - pulmonary; pa' = pulmonary - lung; pv' = lung - home; la' = home - mitral;
  {values}
end
"""


def roadrunner(task: Task, text: str, rtol: float, patients: int) -> tuple[float, np.ndarray]:
    """CPU-seconds and states ``(patients, T, S)`` of the first patients."""
    import antimony
    from roadrunner import RoadRunner

    model = task.compiled.model
    start = task.starts()
    values = [f"{n} = {v!r};" for n, v in zip(model.parameter_names, task.parameters[0].tolist(), strict=True)]
    values += [f"{n} = {v!r};" for n, v in zip(model.state_names, start[0].tolist(), strict=True)]
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text.replace("{values}", " ".join(values))) < 0:
        raise RuntimeError(antimony.getLastError())
    runner = RoadRunner(antimony.getSBMLString(antimony.getMainModuleName()))
    runner.selections = list(model.state_names)
    runner.integrator.relative_tolerance = rtol
    runner.integrator.absolute_tolerance = rtol * 1e-3
    began = time.process_time()
    found = np.array([_course(runner, task, i, start[i]) for i in range(patients)])
    return time.process_time() - began, found


def _course(runner: Any, task: Task, i: int, start: np.ndarray) -> np.ndarray:
    """One patient's states at the times; doses are added where a segment begins."""
    names, s, times = task.compiled.model.state_names, task.schedules, task.times
    runner.resetAll()
    for name, value in zip(task.compiled.model.parameter_names, task.parameters[i], strict=True):
        runner[name] = float(value)
    for name, value in zip(names, start, strict=True):
        runner[name] = float(value)
    rows = range(s.first[s.which[i]], s.first[s.which[i] + 1])
    edges = [*s.times[list(rows)], times[-1]]
    course = np.empty((len(times), len(names)))
    for k, row in enumerate(rows):
        for j in np.flatnonzero(s.jumps[row]):
            runner[names[j]] = runner[names[j]] + float(s.jumps[row, j])
        inside = times[(times >= edges[k]) & (times <= edges[k + 1])]
        marks = np.unique([edges[k], *inside, edges[k + 1]])
        if len(marks) < 2:
            course[np.searchsorted(times, marks)] = [[runner[n] for n in names]]
            continue
        found = np.asarray(runner.simulate(times=marks.tolist()))
        course[np.searchsorted(times, inside)] = found[np.searchsorted(marks, inside)]
    return course
