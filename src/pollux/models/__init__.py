"""Physiology as equations, one folder per body system. Knows no patient, no file, no screen."""
