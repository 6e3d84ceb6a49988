"""From observed positions to star alleles, diplotypes and what they mean."""

from pollux.care.treatment.genes.call import Diplotype, GeneCall

__all__ = ["Diplotype", "GeneCall"]
