"""Where latencies come from: runtimes, compilers, closed formulas."""
