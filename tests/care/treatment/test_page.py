from pathlib import Path

from pollux.care.treatment.guidance import drugs_covered
from pollux.care.treatment.page import renewed

PAGE = Path(__file__).parents[3] / "docs/guidance.md"


def test_the_page_has_what_the_tables_have() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert renewed(text) == text, "stale: python -m pollux.care.treatment.page docs/guidance.md"


def test_every_drug_covered_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| {name} |" in text for name in drugs_covered())
