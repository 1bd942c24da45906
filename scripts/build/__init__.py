"""What builds `benchmark_data/`."""
