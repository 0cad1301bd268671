"""Generated databases of PostgreSQL."""

from collections.abc import Callable, Collection
from typing import Any

from hypothesis import strategies as st

from ..base import Example
from .builder import READER, PostgresqlBuilder, add_function, add_table, quote
from .programs import add_circle, add_routine, add_rule, add_trigger, add_view
from .rare import add_extension, add_large_object, add_superuser_object
from .rights import add_grants, add_policy, add_publication, add_schema
from .tables import (
    add_constraint,
    add_index,
    add_inheritance,
    add_odd_table,
    add_partitions,
    add_sequence,
    alter_table,
)
from .types import add_cast, add_operator, add_search, add_type
from .values import SETTINGS

__all__ = ["READER", "postgresql_examples", "quote"]

KINDS: tuple[Callable[[PostgresqlBuilder], None], ...] = (
    *(add_table, alter_table, add_sequence, add_type, add_function, add_routine, add_operator),
    *(add_cast, add_view, add_circle, add_rule, add_trigger, add_policy, add_partitions),
    *(add_inheritance, add_constraint, add_index, add_search, add_large_object, add_grants),
    *(add_extension, add_publication, add_odd_table, add_schema, add_superuser_object),
)


def change(b: PostgresqlBuilder) -> None:
    """Change what is there, as a site does after a backup."""
    table, f = b.table(), b.function()
    column = b.pick(table.columns)[0]
    b.add(
        b.pick(
            (
                f"DELETE FROM {table.name} WHERE id = 1",
                f"UPDATE {table.name} SET {column} = NULL",
                f"DROP TABLE {table.name} CASCADE",
                f"DROP FUNCTION {f}(integer) CASCADE",
                f"ALTER TABLE {table.name} RENAME {column} TO renamed",
                f"ALTER TABLE {table.name} RENAME TO {b.name()}",
                f"ALTER TABLE {table.name} ADD extra integer DEFAULT 1, DISABLE ROW LEVEL SECURITY",
                f"TRUNCATE {table.name} CASCADE",
                "SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata",
                f"DROP SCHEMA {b.pick(b.schemas)} CASCADE",
                f"REVOKE ALL ON {table.name} FROM PUBLIC, CURRENT_USER, {quote(READER)}",
                f"CREATE OR REPLACE FUNCTION {f}(integer) RETURNS integer LANGUAGE sql AS 'SELECT 7'",
                *(f"DROP VIEW {view.name} CASCADE" for view in b.views[:1]),
                *(f"DROP TYPE {kind} CASCADE" for kind in b.own_types[:1]),
                *(f"DROP EXTENSION IF EXISTS {name} CASCADE" for name in ("hstore", "citext")),
            )
        )
    )


@st.composite
def postgresql_examples(
    draw: Any, *, major: int, extensions: Collection[str], xml: bool
) -> Example:
    """Return a database that has all kinds of objects, made in some order, and its changes.

    The server is of a ``major`` version, has files of the ``extensions``, and may know ``xml``.
    """
    superuser = draw(st.sampled_from((False, False, True)))
    b = PostgresqlBuilder(draw, major=major, extensions=extensions, xml=xml, superuser=superuser)
    b.example.traits = {
        "superuser": superuser,
        "settings": draw(st.lists(st.sampled_from(SETTINGS), max_size=2, unique=True)),
    }
    kinds = [kind for kind in KINDS if superuser or kind is not add_superuser_object]
    # Extensions that are made after a backup stay, as is documented.
    return b.made_of(kinds, change, later=[kind for kind in kinds if kind is not add_extension])
