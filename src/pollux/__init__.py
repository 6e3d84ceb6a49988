"""Pollux: an engine for patient digital twins. Research software, not a medical device."""

__version__ = "0.1.0"
