"""From observed positions to star alleles, diplotypes and what they mean."""

from pollux.care.treatment.genes.call import Diplotype, GeneCall
from pollux.care.treatment.genes.calling import Calls, call
from pollux.care.treatment.genes.definition import GENES, sites

__all__ = ["GENES", "Calls", "Diplotype", "GeneCall", "call", "sites"]
