"""Every example runs as it stands, and says something."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(example: Path) -> None:
    ran = subprocess.run([sys.executable, example], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_the_example_of_a_genome_names_what_was_never_tested() -> None:
    (example,) = [path for path in EXAMPLES if path.stem == "genome"]
    said = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True).stdout
    assert "serious: clopidogrel" in said
    assert "HLA-B not tested: nothing can be said" in said
    assert "never tested: CACNA1S, NUDT15, rs12777823" in said
