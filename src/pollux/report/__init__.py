"""An answer made readable: HTML and print."""

from pollux.report.twin import Claim, twin_report

__all__ = ["Claim", "twin_report"]
