"""The command that dumps the tables of a schema."""

from collections.abc import Iterable

from ...processes import Command
from .tools import COMMON, DUMP, Tools

_ALWAYS = (
    *("--single-transaction", "--quick", "--skip-lock-tables", "--skip-dump-date"),
    # A locked table cannot use a sequence that is not; nobody else uses a scratch schema.
    "--skip-add-locks",
    # It goes into an empty schema, and a server takes as long to find out that there is no
    # such table as to make one.
    "--skip-add-drop-table",
    *COMMON,
)
# Passed where the tool knows them. The first needs a right that few roles have, the
# others are MySQL's: ids of replication do not belong in a backup, and statistics of
# columns are requested from servers that have none.
_WHERE_KNOWN = ("--no-tablespaces", "--set-gtid-purged=OFF", "--column-statistics=0")
_KEYS_ENABLED = "--skip-disable-keys"
_TABLES = ("--skip-triggers", "--skip-events")

HISTORY = "--dump-history"
"""The option for the history of system-versioned tables."""
WITHOUT_ROWS = "--ignore-table-data"
"""The option that excludes the rows of a table."""


def dump_command(
    tools: Tools,
    schema: str,
    *,
    left_out: Iterable[str],
    without_rows: Iterable[str],
    has_history: bool,
    has_keys_to_disable: bool,
) -> Command:
    """Return the command that prints the tables of a schema.

    ``has_keys_to_disable`` is whether there are tables without transactions: only their keys
    are made faster after the rows, and the server opens every other table in vain.
    """
    wanted = [*_WHERE_KNOWN, *([HISTORY] if has_history else [])]
    return tools.command(
        DUMP,
        *(*_ALWAYS, *tools.supported(DUMP, wanted), *_TABLES),
        *(() if has_keys_to_disable else (_KEYS_ENABLED,)),
        *(f"--ignore-table={schema}.{table}" for table in left_out),
        *(f"{WITHOUT_ROWS}={schema}.{table}" for table in without_rows),
        *("--", schema),
    )
