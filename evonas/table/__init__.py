"""The benchmark table: scores by genotype in HDF5, and queries over them. numpy and h5py only."""

from evonas.table.table import BenchmarkTable, create_table, open_table, write_table
from evonas.table.verify import verify_table
from evonas.table.where import where_mask

__all__ = [
    "BenchmarkTable",
    "create_table",
    "open_table",
    "verify_table",
    "where_mask",
    "write_table",
]
