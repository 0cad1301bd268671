"""Generated schemas of MariaDB."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ..base import Example
from .bodies import add_event, add_oracle, add_routine, add_triggers, add_view
from .builder import OTHER, SCHEMA, MysqlBuilder, add_function, add_table
from .tables import (
    add_foreign_keys,
    add_index,
    add_odd_table,
    add_partitions,
    add_sequence,
    add_versioned,
    add_wide,
    alter_table,
)
from .values import COLLATIONS

__all__ = ["OTHER", "SCHEMA", "mysql_examples"]

KINDS: tuple[Callable[[MysqlBuilder], None], ...] = (
    *(add_table, alter_table, add_index, add_sequence, add_function, add_routine, add_oracle),
    *(add_view, add_view, add_triggers, add_event, add_foreign_keys, add_partitions),
    *(add_versioned, add_odd_table, add_wide),
)


def change(b: MysqlBuilder) -> None:
    """Change what is there, as a site does after a backup."""
    table, f = b.table(), b.function()
    column = b.pick(table.columns)[0]
    triggers = [name for names in b.triggers.values() for name in names]
    b.add(
        b.pick(
            (
                f"DELETE FROM {table.name} WHERE id = 1",
                f"UPDATE {table.name} SET {column} = NULL",
                f"DROP TABLE {table.name}",
                f"DROP FUNCTION {f}",
                f"ALTER TABLE {table.name} RENAME COLUMN {column} TO renamed",
                f"RENAME TABLE {table.name} TO {b.name()}",
                f"ALTER TABLE {table.name} ADD extra int DEFAULT 1",
                f"TRUNCATE {table.name}",
                *(f"DROP VIEW {view.name}" for view in b.views[:1]),
                *(f"DROP TRIGGER {name}" for name in triggers[:1]),
                f"CREATE TRIGGER {b.name()} AFTER DELETE ON {table.name} FOR EACH ROW SET @gone = 1",
                f"CREATE OR REPLACE FUNCTION {f}(x int) RETURNS int RETURN 7",
                *(
                    f"CREATE OR REPLACE VIEW {view.name} AS SELECT 7 AS other"
                    for view in b.views[:1]
                ),
            )
        )
    )


@st.composite
def mysql_examples(draw: Any) -> Example:
    """Return a schema that has all kinds of objects, made in some order, and its changes."""
    sets_user = draw(st.booleans())
    b = MysqlBuilder(draw, sets_user=sets_user)
    b.example.traits = {
        "sets_user": sets_user,
        "collation": draw(st.sampled_from(COLLATIONS)),
    }
    return b.made_of(KINDS, change, later=KINDS)
