"""What can keep a dump from being complete, or from being restored."""

from collections.abc import Collection, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...exceptions import ClientError
from .catalog import StoredColumn, database_references, triggers_on
from .connection import describe, supports_snapshot
from .deferred import can_defer_constraints, unsatisfiable_models
from .tables import Table, tables_without_model

ALLOWS_DANGLING_REFERENCES = ("mysql", "sqlite")
"""Vendors where rows can refer to rows that do not exist."""

RESTORE_WARNINGS = (
    (
        "The rows of all models are replaced. The schema stays as it is, "
        "and so do tables without a model."
    ),
)


def dump_warnings(connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> list[str]:
    """Return what an operator should know about a dump of these tables."""
    name = connection.display_name
    warnings = [
        (
            f"{name} is backed up by Django itself: the rows of all models, without the "
            "schema. A native client would be faster, and include everything."
        )
    ]
    if others := tables_without_model(connection, tables):
        warnings.append(
            "Tables without a model are not in the backup, "
            f"and a restore leaves them as they are: {', '.join(others)}."
        )
    if triggers := triggers_on(connection, tables):
        warnings.append(
            "Triggers fire during a restore, which is refused if they change the restored rows: "
            f"{', '.join(triggers)}."
        )
    if not supports_snapshot(connection.vendor):
        warnings.append(
            f"It is unknown how to read {name} as of one moment. Unless its isolation level "
            "does that, the backup may contain half of a change that is made while it runs."
        )
    if not can_defer_constraints(connection) and (found := unsatisfiable_models(tables)):
        warnings.append(
            "Rows need each other in circles, and foreign keys are checked at once: "
            f"a restore may be refused. Affected: {', '.join(found)}."
        )
    return warnings


def require_readable(tables: Sequence[Table]) -> None:
    """Raise ``ClientError`` when a table or a column is missing, or may not be read."""
    for table in tables:
        try:
            list(table.values()[:1])
        except Error as error:
            raise ClientError(
                f"Cannot read {table.label}: {describe(error)}.",
                hint="Run `manage.py migrate`, or check that the role may read its table.",
            ) from None


def require_closed_exclusions(
    connection: BaseDatabaseWrapper, excluded: Collection[str], tables: Sequence[Table]
) -> None:
    """Raise ``ClientError`` when rows that others refer to would be left out."""
    if not excluded:
        return
    if unknown := sorted(set(excluded) - {table.label for table in tables}):
        raise ClientError(
            f"Cannot exclude {unknown[0]!r}: there is no such model.",
            hint="Correct the OPTIONS of this database in CLIENTS.",
        )
    for table in tables:
        for model in table.references():
            if model._meta.label in excluded and table.label not in excluded:
                raise ClientError(
                    f"{table.label} refers to {model._meta.label}, which is excluded: "
                    "such a backup could not be restored.",
                    hint=f"Exclude {table.label} too, or neither.",
                )

    names = {table.name: table.label for table in tables if table.label in excluded}
    every = [table.name for table in tables] + tables_without_model(connection, tables)
    for table_name, others in database_references(connection, every).items():
        if table_name not in names and (needed := sorted(others & names.keys())):
            raise ClientError(
                f"Table {table_name} refers to {names[needed[0]]} by a foreign key of the "
                "database, which is excluded: such a backup could not be restored.",
                hint="Exclude both, or neither.",
            )


def extra_columns_warning(columns: Sequence[StoredColumn]) -> str:
    """Return what an operator should know about columns without a field."""
    shown = ", ".join(map(str, columns))
    return (
        f"Columns without a field are not in the backup, which is partial: {shown}. "
        "A restore empties them: remove them from the database, or give them a field."
    )


def require_integrity(connection: BaseDatabaseWrapper) -> None:
    """Raise ``ClientError`` when rows refer to rows that do not exist."""
    try:
        connection.check_constraints()
    except Error:
        raise ClientError(
            "Rows refer to rows that do not exist: such a backup could not be restored.",
            hint="Find them with the database's own tools, and correct them.",
        ) from None
