"""Opening what does not open any more: parts that are damaged or contradict others go aside."""

from pathlib import Path

from evonas.errors import ConfigurationError, SchemaError
from evonas.table.folder import TableFolder
from evonas.table.store import Known, check_against, learn
from evonas.table.table import shipped_tables
from evonas.table.untrusted import NewerSchemaError, check_seals, read_part


def repair_table(path: Path | str) -> dict[str, str]:
    """Moves the parts that keep a table from opening into its folder `withdrawn`.

    A part is moved if it is damaged, or if a part before it has its space by another definition or
    one of its columns by another provenance. Nothing is deleted; `withdrawn/reasons.txt` says why.

    Returns:
        The reason, by name of each part that was moved, oldest first.

    Raises:
        ConfigurationError: The table is a single file, which has no parts, or a shipped one.
        SchemaError: There is no such table, or a part is of a newer schema.
        DataError: A part cannot be moved.
    """
    path = Path(path)
    if path.is_file():
        raise ConfigurationError(f"{path}: a single file has no parts that could be moved aside")
    if not path.exists() and str(path) in shipped_tables():
        raise ConfigurationError(
            f"{path}: a shipped table is only read; there is nothing to repair"
        )
    folder = TableFolder(path)
    known: Known = {}
    moved: dict[str, str] = {}
    with folder.turn():
        for part in folder.parts():
            reason = _reason_to_move(part, known)
            if reason:
                folder.withdraw(part, reason)
                moved[part.name] = reason
    return moved


def _reason_to_move(part: Path, known: Known) -> str:
    """Returns what is wrong with a part, or nothing; what a sound one has becomes known."""
    try:
        if check_seals([part]):
            return "its content is not what was written"
        spaces, _ = read_part(part)
        for rows in spaces:
            check_against(rows, str(part), known)
    except NewerSchemaError:
        raise
    except SchemaError as error:
        return str(error) if part.exists() else ""  # compacted meanwhile
    except OSError as error:
        raise SchemaError(f"{part}: cannot be read: {error.strerror or error}") from error
    for rows in spaces:
        learn(known, rows)
    return ""
