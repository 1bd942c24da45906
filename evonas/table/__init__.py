"""The benchmark table: scores by genotype in HDF5, and queries over them. numpy and h5py only."""

from evonas.table.exchange import FORMATS, append_pandas, export_rows, import_rows
from evonas.table.merge import CONFLICT_RULES, merge_tables
from evonas.table.neighbourhood import ChoiceStatistics, choice_statistics, neighbours
from evonas.table.table import BenchmarkTable, create_table, open_table, shipped_tables, write_table
from evonas.table.verify import verify_table
from evonas.table.where import where_mask

__all__ = [
    "CONFLICT_RULES",
    "FORMATS",
    "BenchmarkTable",
    "ChoiceStatistics",
    "append_pandas",
    "choice_statistics",
    "create_table",
    "export_rows",
    "import_rows",
    "merge_tables",
    "neighbours",
    "open_table",
    "shipped_tables",
    "verify_table",
    "where_mask",
    "write_table",
]
