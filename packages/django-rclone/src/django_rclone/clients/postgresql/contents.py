"""What a dump of a PostgreSQL database contains, and what a restore has to know of it."""

from collections.abc import Collection
from dataclasses import dataclass

from ...backups.inventory import Inventory
from ..session import Session
from .catalog import Object, Selection, parts_of, read_objects
from .definitions import definitions, digest
from .grants import Right, comments, default_privileges, grants, labels
from .kinds import COLUMNS, COMMENT, DEFAULT_PRIVILEGES, GRANT, LABEL, LARGE_OBJECTS, OBJECT_KINDS

_COLUMNS = """
SELECT i.identity, string_agg(
    concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attidentity, a.attgenerated),
    ',' ORDER BY a.attname
), count(*)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,
LATERAL pg_identify_object('pg_class'::regclass, c.oid, 0) i
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
AND n.nspname <> 'information_schema' AND (%(all)s OR n.nspname = ANY(%(schemas)s::text[]))
AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
    AND d.objsubid = 0 AND d.deptype = 'e'
)
GROUP BY i.identity
"""

# There may be millions.
_LARGE_OBJECTS = """
SELECT count(*) || ' in all, ' || md5(coalesce(string_agg(oid::text, ' ' ORDER BY oid), ''))
FROM pg_largeobject_metadata
"""

_ABOUT = """
SELECT current_setting('lc_monetary'),
    (SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind <> 'c')
"""
_OWNERS = """
SELECT DISTINCT quote_ident(pg_get_userbyid(unnest(ARRAY[relowner, n.nspowner])))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""

# pg_dump dumps the rows that users added to tables of extensions.
_EXTENSION_TABLES = """
SELECT config.id::regclass::text, coalesce(e.extcondition[config.place], ''),
    has_table_privilege(config.id, 'DELETE') AND has_table_privilege(config.id, 'INSERT')
FROM pg_extension e, unnest(e.extconfig) WITH ORDINALITY AS config (id, place)
JOIN pg_class c ON c.oid = config.id
WHERE c.relkind IN ('r', 'p') AND has_table_privilege(config.id, 'SELECT')
"""

# What cannot be made without its role; grants are left out.
_NEEDED_ROLES = """
SELECT DISTINCT quote_ident(rolname) FROM pg_roles WHERE oid IN (
    SELECT unnest(p.polroles) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE %(all)s OR n.nspname = ANY(%(schemas)s::text[])
    UNION ALL SELECT umuser FROM pg_user_mappings WHERE %(all)s
)
"""
_EXTENSIONS = """
SELECT quote_ident(extname), quote_ident(nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
"""

OWNER, GRANTEE, SUPERUSER, SETTING = "owner's name", "grantee", "needs a superuser", "setting"
EXTENSION_ROWS, EXTENSION_PLACE = "table of an extension with rows", "extension in its schema"
ROLE = "role that must exist"
"""What else an inventory of the dump says, apart from the kinds that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The objects of a database at one moment, and the rights on them."""

    objects: list[Object]
    grants: list[Right]
    defaults: list[Right]

    @classmethod
    def read(cls, session: Session, selection: Selection) -> "Contents":
        """Read them from the catalogs."""
        return cls(
            objects=read_objects(session, selection),
            grants=grants(session, selection.parameters),
            defaults=default_privileges(session, selection.parameters),
        )

    def inventory(
        self, session: Session, selection: Selection, *, without: Collection[str] = ()
    ) -> Inventory:
        """Return what a dump of this moment contains, without rows.

        ``without`` are tables that are not dumped, by their names in the inventory.
        """
        left_out = parts_of(session, self.objects, without)
        names: dict[str, set[str]] = {kind.name: set() for kind in OBJECT_KINDS}
        for found in self.objects:
            if found.address not in left_out:
                names[found.kind].add(found.identity)
        columns = session.rows(_COLUMNS, selection.parameters)
        names[COLUMNS.name] = {
            f"of {table} ({count}, {digest(said)})"
            for table, said, count in columns
            if table not in without
        }
        kind, defined = definitions(session, (o for o in self.objects if o.address not in left_out))
        names[kind] = defined
        for right_kind, rights in ((GRANT, self.grants), (DEFAULT_PRIVILEGES, self.defaults)):
            names[right_kind.name] = {right.name for right in rights if right.compared}
        names[COMMENT.name] = {one.name for one in comments(session, selection.parameters)}
        keys = tuple(
            start
            for one in self.objects
            if one.address in left_out
            for start in (f"{one.key}: ", f"table column {one.identity}.")
        )
        for on in (GRANT.name, COMMENT.name):
            names[on] = {one for one in names[on] if not one.startswith(keys)}
        if not selection.schemas:
            names[LABEL.name] = set(labels(session))
            names[LARGE_OBJECTS.name] = {str(session.value(_LARGE_OBJECTS))}
        return Inventory({name: frozenset(found) for name, found in names.items()})

    def about(
        self, session: Session, selection: Selection, *, path: str
    ) -> dict[str, frozenset[str]]:
        """Return what a restore has to know of the database that was dumped, and is not compared.

        ``path`` is the search path of the site.
        """
        needed = session.rows(_NEEDED_ROLES, selection.parameters)
        roles = {role for right in (*self.grants, *self.defaults) for role in right.roles}
        places = session.rows(_EXTENSIONS, {})
        monetary, relations = session.rows(_ABOUT)[0]
        return {
            OWNER: frozenset(name for (name,) in session.rows(_OWNERS)),
            GRANTEE: frozenset(roles),
            SUPERUSER: frozenset(str(one) for one in self.objects if one.superuser),
            ROLE: frozenset(name for (name,) in needed),
            EXTENSION_PLACE: frozenset(f"{name} in {schema}" for name, schema in places),
            EXTENSION_ROWS: frozenset(name for name, _ in extension_tables(session)),
            SETTING: frozenset(
                {f"search_path={path}", f"lc_monetary={monetary}", f"relations={relations}"}
            ),
        }


def read_inventory(session: Session, selection: Selection) -> Inventory:
    """Return what a dump of this moment contains, without rows."""
    return Contents.read(session, selection).inventory(session, selection)


def extension_tables(session: Session) -> list[tuple[str, bool]]:
    """Return the tables of extensions with rows of the site, and whether it may replace them."""
    return [
        (name, permitted)
        for name, condition, permitted in session.rows(_EXTENSION_TABLES, {})
        if session.value(f"SELECT EXISTS (SELECT FROM ONLY {name} {condition})")
    ]


def moved_extensions(session: Session, expected: Inventory | None) -> dict[str, str]:
    """Return the extensions that are in another schema here than in the backup, with the latter."""
    places = expected.objects.get(EXTENSION_PLACE, frozenset()) if expected else frozenset()
    here = dict(session.rows(_EXTENSIONS, {})) if places else {}
    wanted = dict(place.split(" in ", 1) for place in places)
    return {name: schema for name, schema in wanted.items() if here.get(name, schema) != schema}


def settings_of(inventory: Inventory | None) -> dict[str, str]:
    """Return the settings of the database that was dumped, as far as they are known."""
    found = inventory.objects.get(SETTING, frozenset()) if inventory else frozenset()
    return dict(item.partition("=")[::2] for item in found)
