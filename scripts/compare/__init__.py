"""Comparisons of algorithms, recipes and converters."""
