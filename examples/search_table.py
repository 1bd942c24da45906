"""Search with known scores: every network of `pico` is in a shipped table, so nothing is trained.

The same call with a `scorer` (a supernet, a surrogate, your own) scores what the table lacks.
"""

import evonas

table = evonas.open_table("pico-v3")
result = evonas.run_search(
    "pico",
    ["map", "latency:ethos-u55-256"],
    table=table,
    where=["params <= 150000"],
    population=20,
    generations=10,
    seed=1,
)
for row in result.rows():
    print(row["arch_id"], f"AP {row['map']:.3f}", f"{row['latency:ethos-u55-256']:.3f} ms")
print(f"{result.cached} scores from the table, {result.scored} computed")
