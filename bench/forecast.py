"""CGM-only forecasts on outside data: python bench/forecast.py PATH.csv [--only twin].

PATH has the columns id, time, gl (mg/dL). Everything that is fitted is fitted on the first 70 % of each person's time.
"""

import argparse
from pathlib import Path

from pollux.evidence import forecasting as f


def main() -> None:
    """Score every method and print one row for each."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("path", type=Path)
    asked.add_argument("--only", action="append", help="score only these candidates (default: all)")
    options = asked.parse_args()
    people = f.read_wearers(options.path)
    table = f.simple_scores(people)
    floor = table["ridge on 12 readings"]
    seconds: dict[str, float] = {}
    for name, candidate in f.candidates().items():
        if not options.only or name in options.only:
            table[name], seconds[name] = f.twin_scores(people, candidate)
    print(f"{len(people)} people, grid {sorted({p.step for p in people})} min; RMSE in mg/dL, mean over people")
    for minutes in f.HORIZONS:
        print(f"\n{minutes} min: RMSE | against the ridge (95 % over resampled days) | worst person | covered by 90 %")
        for name, scores in table.items():
            change, low, high = f.change_interval(scores, floor, minutes)
            each = " ".join(f"{s.rmse:6.2f}" for (_, m), s in scores.items() if m == minutes)
            covered = [s.coverage for (_, m), s in scores.items() if m == minutes]
            told = " ".join(f"{100 * c:4.1f}" for c in covered)
            worst = 100 * f.worst_change(scores, floor, minutes)
            print(
                f"  {name:30s} {f.mean_rmse(scores, minutes):6.2f} | {100 * change:+5.1f} %"
                f" ({100 * low:+.1f} to {100 * high:+.1f}) | {worst:+5.1f} % | {100 * sum(covered) / len(covered):4.1f}"
            )
            print(f"  {'':30s} {each}   {told}")
    print("\nlearning, slowest person: " + ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items()))


if __name__ == "__main__":
    main()
