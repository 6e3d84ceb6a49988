"""Every claim of the credibility file is a test."""

from pathlib import Path

import orjson
import pytest

from pollux.evidence import Claim, as_json, as_page, as_text, examine, recorded, registered

CLAIMS = registered()


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.claim)
def test_a_published_number_is_reproduced(claim: Claim) -> None:
    result = examine(claim)
    if result.verdict == "not runnable":
        pytest.skip("needs the reference data: set POLLUX_REFERENCE")
    if claim.note.startswith("known not to hold"):
        assert result.verdict == "not reproduced"
        return
    assert result.verdict == "reproduced", f"expected {claim.expected} ± {claim.tolerance}, measured {result.measured}"


def test_there_are_enough_claims_and_each_is_said_once() -> None:
    assert len(CLAIMS) >= 20
    assert len({c.claim for c in CLAIMS}) == len(CLAIMS)
    assert all(c.source and c.tolerance >= 0.0 for c in CLAIMS)


def test_a_wrong_number_stays_listed_as_not_reproduced() -> None:
    wrong = examine(Claim("two and two", "arithmetic", 5.0, 0.5, lambda: 4.0, "none", "a reason"))
    assert wrong.verdict == "not reproduced"
    assert "not reproduced" in as_text([wrong])
    assert "| not reproduced |" in as_page([wrong])


def test_the_json_has_the_promised_fields() -> None:
    absent = examine(Claim("a", "b", 1.0, 0.1, lambda: None, "none"))
    (row,) = orjson.loads(as_json([absent]))
    assert {"claim", "source", "expected", "tolerance", "measured", "verdict", "note"} <= set(row)
    assert row["verdict"] == "not runnable"
    assert row["measured"] is None


def test_what_reports_quote_is_about_the_claims_as_they_are() -> None:
    """If this fails: `make docs` with POLLUX_REFERENCE set."""
    models = {claim.model for claim in CLAIMS}
    quoted = {(r.claim, r.source, r.expected, r.tolerance) for model in models for r in recorded(model)}
    assert quoted == {(c.claim, c.source, c.expected, c.tolerance) for c in CLAIMS}


def test_the_page_of_the_docs_lists_every_claim() -> None:
    """If this fails: `make docs` with POLLUX_REFERENCE set."""
    page = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert all(f"| {claim.claim} |" in page for claim in CLAIMS)
