"""Kills, races, damaged files: what must not lose data."""
