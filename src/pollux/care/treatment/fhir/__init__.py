"""Gene calls and findings as FHIR R4: what other systems get, and gene calls from what they send."""

from pollux.care.treatment.fhir.bundle import as_bundle, as_json
from pollux.care.treatment.fhir.reading import both, gene_calls

__all__ = ["as_bundle", "as_json", "both", "gene_calls"]
