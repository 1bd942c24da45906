"""Measuring many networks: resumable campaigns, samples to take away, imports."""
