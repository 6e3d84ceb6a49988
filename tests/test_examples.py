"""Every example runs as it stands, and says something."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SHOWN = [
    pytest.param(code, id=f"{page}-{number}")
    for page in ("genome.md", "guidance.md")
    for number, code in enumerate(
        re.findall(
            r"^```python\n(.*?)^```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
    )
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(example: Path) -> None:
    ran = subprocess.run([sys.executable, example], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


@pytest.mark.parametrize("code", SHOWN)
def test_what_the_pages_show_runs(code: str) -> None:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_the_example_of_a_genome_names_what_was_never_tested() -> None:
    (example,) = [path for path in EXAMPLES if path.stem == "genome"]
    said = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True).stdout
    assert "serious: clopidogrel" in said
    assert "HLA-B not tested: nothing can be said" in said
    assert "never tested: CACNA1S, NUDT15, rs12777823" in said
