"""An answer made readable: HTML and print."""

from pollux.report.genome import genome_report
from pollux.report.twin import Claim, twin_report

__all__ = ["Claim", "genome_report", "twin_report"]
