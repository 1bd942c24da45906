"""Latency predictors: features, models, fitting, adaptation to a new device."""
