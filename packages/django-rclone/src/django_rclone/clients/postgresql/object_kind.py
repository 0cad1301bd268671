"""How a kind of object is found in the catalogs of PostgreSQL."""

from dataclasses import dataclass

from ...backups.inventory import Kind

SUPERUSER = "ARRAY[10::oid]"
"""The role that initdb creates: only superusers have its rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectKind(Kind):
    """A kind of object with a catalog of its own, called ``o`` in these parts of a query."""

    source: str
    """``FROM`` and ``WHERE``."""
    owners: str = ""
    """The roles any of which may drop it; empty if it goes with what it is a part of."""
    schema: str = "NULL::oid"
    """The schema that it is in."""
    superuser: str = "false"
    """Whether only a superuser can make it."""
    entries: tuple[str, ...] = ()
    """What pg_dump calls it in the list of a dump, if that is not its name."""

    @property
    def query(self) -> str:
        """Return the query for the objects of this kind."""
        owners = self.owners or "NULL::oid[]"
        return (
            f"SELECT '{self.name}', o.tableoid, o.oid, {owners}, {self.schema}, {self.superuser} "
            f"FROM {self.source}"
        )

    @property
    def entry_types(self) -> tuple[str, ...]:
        """Return what pg_dump calls it in the list of a dump."""
        return self.entries or (self.name.upper(),)


def relation(name: str, relkinds: str, *, comes_back: str = "exactly") -> ObjectKind:
    """Return a kind of relation, as pg_class calls them."""
    return ObjectKind(
        name=name,
        source=f"pg_class o WHERE o.relkind IN ({relkinds})",
        owners="ARRAY[o.relowner]",
        schema="o.relnamespace",
        comes_back=comes_back,
    )


def part(
    name: str, source: str, *, of: str, where: str = "true", entries: tuple[str, ...] = ()
) -> ObjectKind:
    """Return a kind of object that goes with the relation it is a part of."""
    return ObjectKind(
        name=name,
        source=f"{source} JOIN pg_class r ON r.oid = o.{of} WHERE {where}",
        schema="r.relnamespace",
        entries=entries,
    )


def in_schema(
    name: str,
    catalog: str,
    prefix: str,
    *,
    where: str = "true",
    owners: str = "",
    superuser: str = "false",
    needs: str = "",
    entries: tuple[str, ...] = (),
) -> ObjectKind:
    """Return a kind of object in schemas, with an owner."""
    return ObjectKind(
        name=name,
        source=f"{catalog} o WHERE {where}",
        owners=owners or f"ARRAY[o.{prefix}owner]",
        schema=f"o.{prefix}namespace",
        superuser=superuser,
        needs=needs,
        entries=entries,
    )
