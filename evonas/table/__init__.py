"""The benchmark table: scores by genotype in HDF5, and queries over them. numpy and h5py only."""

from evonas.table.choices import KindGains, KindShares, kind_gains, kind_shares, kinds_of
from evonas.table.doors import CONFLICT_RULES
from evonas.table.exchange import FORMATS, append_pandas, export_rows, import_rows
from evonas.table.importance import Importance, column_importance, gene_importance
from evonas.table.merge import merge_tables
from evonas.table.neighbourhood import ChoiceStatistics, choice_statistics, neighbours
from evonas.table.repair import repair_table
from evonas.table.table import (
    BenchmarkTable,
    check_new_table,
    create_table,
    open_or_create,
    open_table,
    shipped_tables,
    write_table,
)
from evonas.table.verify import verify_table

__all__ = [
    "CONFLICT_RULES",
    "FORMATS",
    "BenchmarkTable",
    "ChoiceStatistics",
    "Importance",
    "KindGains",
    "KindShares",
    "append_pandas",
    "check_new_table",
    "choice_statistics",
    "column_importance",
    "create_table",
    "export_rows",
    "gene_importance",
    "import_rows",
    "kind_gains",
    "kind_shares",
    "kinds_of",
    "merge_tables",
    "neighbours",
    "open_or_create",
    "open_table",
    "repair_table",
    "shipped_tables",
    "verify_table",
    "write_table",
]
