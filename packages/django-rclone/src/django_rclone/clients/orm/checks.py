"""What can keep a dump by Django's own means from being whole, or from coming back."""

from collections.abc import Collection, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...exceptions import DumpError, RestoreError
from .deferred import checks_late, hopeless
from .dump import is_of_one_moment
from .errors import told
from .tables import Table, tables_without_model

LET_REFERENCES_DANGLE = ("mysql", "sqlite")
"""Vendors where rows can refer to what does not exist."""

RESTORE_WARNINGS = (
    (
        "The rows of all models are replaced. The schema stays as it is, "
        "and so do tables without a model."
    ),
)


def dump_warnings(connection: BaseDatabaseWrapper, tables: Sequence[Table]) -> list[str]:
    """Return what an operator should know of a dump of these tables."""
    name = connection.display_name
    warnings = [
        (
            f"{name} is backed up by Django's own means: the rows of all models, without the "
            "schema. A native client would be faster, and hold all."
        )
    ]
    if others := tables_without_model(connection, tables):
        warnings.append(
            "Tables without a model are not in the backup, "
            f"and a restore leaves them as they are: {', '.join(others)}."
        )
    if not is_of_one_moment(connection.vendor):
        warnings.append(
            f"How {name} shows one moment is not known. Unless its isolation level does, "
            "what is written during the backup may be in it by half."
        )
    if not checks_late(connection) and (found := hopeless(tables)):
        warnings.append(
            "Rows need each other in circles, and foreign keys are checked at once: "
            f"a restore may be refused. Affected: {', '.join(found)}."
        )
    return warnings


def require_readable(
    tables: Sequence[Table], failure: type[DumpError] | type[RestoreError]
) -> None:
    """Raise ``failure`` when a table or a column is missing, or may not be read."""
    for table in tables:
        try:
            list(table.values()[:1])
        except Error as error:
            raise failure(
                f"{table.label} cannot be read: {told(error)}.",
                hint="Run `manage.py migrate`, or see whether the role may read its table.",
            ) from None


def require_whole_without(left_out: Collection[str], tables: Sequence[Table]) -> None:
    """Raise ``DumpError`` when rows would be missed that others refer to."""
    known = {table.label for table in tables}
    if unknown := sorted(set(left_out) - known):
        raise DumpError(
            f"There is no model {unknown[0]!r} to exclude.",
            hint="Correct the OPTIONS of this database in CLIENTS.",
        )
    for table in tables:
        for model in table.references():
            if model._meta.label in left_out and table.label not in left_out:
                raise DumpError(
                    f"{table.label} refers to {model._meta.label}, which is excluded: "
                    "such a backup could not be restored.",
                    hint=f"Exclude {table.label} too, or neither.",
                )


def require_sound(connection: BaseDatabaseWrapper) -> None:
    """Raise ``DumpError`` when rows refer to rows that do not exist."""
    try:
        connection.check_constraints()
    except Error:
        raise DumpError(
            "Rows refer to rows that do not exist: such a backup could not be restored.",
            hint="Find them by the database's own means, and mend or delete them.",
        ) from None
