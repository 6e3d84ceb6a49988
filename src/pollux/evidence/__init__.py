"""The credibility file: every published number that a model must reproduce, and whether it does."""

from pollux.evidence.claim import Claim, Result, examine
from pollux.evidence.results import as_json, as_page, as_text, examine_claims, recorded, registered, summary

__all__ = [
    "Claim",
    "Result",
    "as_json",
    "as_page",
    "as_text",
    "examine",
    "examine_claims",
    "recorded",
    "registered",
    "summary",
]
