"""VCF: what was seen of a genome at the positions that are asked for."""

from pollux.sources.vcf.reader import read

__all__ = ["read"]
