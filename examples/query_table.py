"""Query a shipped table: the fastest accurate detectors within a budget. No torch, no GPU."""

import evonas

table = evonas.open_table("nano-v5")  # a name of `evonas table list`, or a path of your own
space = evonas.load_space("nano")

rows = table.front(["map", "latency:ethos-u55-256"], where="params <= 1.5e5")
columns = ["map", "latency:ethos-u55-256", "params"]
arch_ids = space.arch_ids(table.genotypes()[rows])
values = table.lookup(arch_ids, columns)

print("arch_id", *columns)
for row, arch_id in enumerate(arch_ids[:10]):
    print(arch_id, *(f"{values[column][row]:.4g}" for column in columns))
print(f"{len(rows)} of {len(table):,} networks are on the front")
