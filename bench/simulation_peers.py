"""The same model and the same day in libRoadRunner (through its own Antimony) and in simglucose."""

import time
from typing import Any

import numpy as np

from pollux.kernel import Schedule, simulate
from pollux.models.glucose.uva_padova import UVA_PADOVA

PATIENTS = 30

ANTIMONY = """
model s2008()
  Qsto1' = meal - kmax*Qsto1;
  Qsto2' = kmax*Qsto1 - kempt*Qsto2;
  Qgut' = kempt*Qsto2 - kabs*Qgut;
  Gp' = EGP + Ra - Uii - E - k1*Gp + k2*Gt;
  Gt' = k1*Gp - k2*Gt - Uid;
  Ip' = m1*Il - (m2 + m4)*Ip + ka1*Isc1 + ka2*Isc2;
  X' = p2u*(Ip/Vi - Ib - X);
  I1' = ki*(Ip/Vi - I1);
  Id' = ki*(I1 - Id);
  Il' = m2*Ip - (m1 + m30)*Il;
  Isc1' = insulin*pmol_per_unit/(hour*BW) - (ka1 + kd)*Isc1;
  Isc2' = kd*Isc1 - ka2*Isc2;
  Gs' = ksc*(Gp - Gs);
  size := piecewise(meal_size, meal_size > 0, 1);
  dip := tanh(5/(2*size*(1 - b))*(Qsto1 + Qsto2 - b*size)) - tanh(5/(2*size*d)*(Qsto1 + Qsto2 - d*size)) + 2;
  kempt := piecewise(kmin + 0.5*(kmax - kmin)*dip, meal_size > 0, kmax);
  Ra := f*kabs*Qgut/BW;
  EGP := piecewise(kp1 - kp2*Gp - kp3*Id, kp1 - kp2*Gp - kp3*Id > 0, 0);
  Uii := piecewise(Fsnc*Gp/Gp_low, Gp < Gp_low, Fsnc);
  E := piecewise(ke1*(Gp - ke2), Gp > ke2, 0);
  Uid := (Vm0 + Vmx*X)*Gt/(Km0 + Gt);
  {values}
end
"""


def peers() -> list[dict[str, Any]]:
    """One row for each peer and tolerance; a row that says so where a peer is not installed."""
    return [*_roadrunner(), _simglucose()]


def _at_rest(p: dict[str, float]) -> dict[str, float]:
    """What the model computes for a body at rest, as plain numbers."""
    from pollux.equations.model import Named

    named = Named("parameter", {k: np.float64(v) for k, v in p.items()})
    x = UVA_PADOVA.start(named, None)
    Gp, Gt = float(x["Gp"]), float(x["Gt"])
    Ib = float(x["Ip"]) / p["Vi"]
    Vm0 = (p["k1"] * Gp - p["k2"] * Gt) * (p["Km0"] + Gt) / Gt
    kp1 = p["EGPb"] + p["kp2"] * Gp + p["kp3"] * Ib
    return {"Ib": Ib, "Vm0": Vm0, "kp1": kp1} | {name: float(value) for name, value in x.items()}


def _roadrunner() -> list[dict[str, Any]]:
    try:
        import antimony
        import roadrunner
    except ImportError:
        return [{"what": "libRoadRunner", "missing": "not installed"}]
    from simulation import DAY, TIMES, crowd

    values, schedules = crowd(PATIENTS)
    everything = [UVA_PADOVA.medians() | {k: float(v[i]) for k, v in values.items()} for i in range(PATIENTS)]
    everything = [p | _at_rest(p) for p in everything]
    text = "; ".join(f"{k} = {v!r}" for k, v in everything[0].items()) + "; meal = 0; meal_size = 0; insulin = 0;"
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(ANTIMONY.replace("{values}", text)) < 0:
        raise RuntimeError(antimony.getLastError())
    runner = roadrunner.RoadRunner(antimony.getSBMLString("s2008"))
    runner.selections = ["Gp"]
    truth = simulate(UVA_PADOVA, values, schedules, TIMES, tolerance=1e-12).state("Gp")
    rows = []
    for tolerance in (1e-4, 1e-6, 1e-8):
        runner.integrator.relative_tolerance = tolerance
        runner.integrator.absolute_tolerance = tolerance * 1e-3
        start = time.process_time()
        found = np.array([_day(runner, p, s, DAY) for p, s in zip(everything, schedules, strict=True)])
        seconds = time.process_time() - start
        rows.append(
            {
                "what": f"libRoadRunner {roadrunner.__version__}, rtol {tolerance:g}",
                "patient_days_per_cpu_second": PATIENTS / seconds,
                "glucose_error": float(np.abs(found / truth - 1.0)[:, 1:].max()),
            }
        )
    return rows


def _day(runner: Any, p: dict[str, float], schedule: Schedule, day: float) -> np.ndarray:
    """Gp every five minutes; inputs are set and doses added where a segment begins."""
    runner.resetAll()
    for name, value in p.items():
        runner[name] = value
    edges = [*schedule.times, day]
    course = np.empty(int(day / 5) + 1)
    for k in range(len(schedule.times)):
        for name, value in zip(UVA_PADOVA.input_names, schedule.inputs[k], strict=True):
            runner[name] = value
        for j in np.flatnonzero(schedule.jumps[k]):
            name = UVA_PADOVA.state_names[j]
            runner[name] = runner[name] + schedule.jumps[k, j]
        inside = 5.0 * np.arange(np.ceil(edges[k] / 5), np.floor(edges[k + 1] / 5) + 1)
        times = np.unique([edges[k], *inside, edges[k + 1]])
        found = np.asarray(runner.simulate(times=list(times)))[:, 0]
        course[(inside / 5).astype(int)] = found[np.searchsorted(times, inside)]
    return course


def _simglucose() -> dict[str, Any]:
    import logging
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from simglucose.patient.t1dpatient import Action, T1DPatient
    except ImportError as reason:
        return {"what": "simglucose", "missing": f"not installed ({reason.name})"}
    logging.disable(logging.CRITICAL)
    patient = T1DPatient.withName("adult#001")
    basal = float(patient._params.u2ss * patient._params.BW / 6000.0)  # U/min
    meals = {420: 45.0, 750: 70.0, 1110: 80.0}  # minute: g
    start = time.process_time()
    for minute in range(1440):
        grams = meals.get(minute, 0.0)
        patient.step(Action(CHO=grams, insulin=basal + (grams / 12.0 if grams else 0.0)))
    seconds = time.process_time() - start
    # its boluses last a minute and its Dbar follows the meal, so that no common truth exists
    return {
        "what": "simglucose 0.2.11",
        "patient_days_per_cpu_second": 1.0 / seconds,
        "glucose_error": float("nan"),
    }
