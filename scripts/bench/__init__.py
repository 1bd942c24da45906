"""Timings, as tables."""
