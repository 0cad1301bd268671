"""What cannot be restored, or stays, or is done another way: said before it matters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ..session import Session
from .catalog import Selection, others_large_objects, read_objects
from .clearing import IS_SUPERUSER, ClearingPlan, plan_clearing
from .comparing import missing_grantees, unwanted
from .connection import PostgresqlSession
from .contents import EXTENSION_ROWS, ROLE, SUPERUSER, extension_tables, moved_extensions
from .databases import IN_PLACE_HINT, ON_PRIMARY, STANDBY, is_standby, swap_problem
from .limits import MORE_LOCKS, locks_of_restore

_SHOWN = 6
_AS_OWNER = "Connect as their owner, or as a role that is a member of it."
_AS_SUPERUSER = (
    "Restore as a superuser, or let one make them first. `dbrestore --salvage` gets all that "
    "this role can make, next to the live database."
)
_PREPARED = """
SELECT quote_literal(gid) FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared
"""
_END_PREPARED = "End each one, as its owner: ROLLBACK PREPARED ... or COMMIT PREPARED ..."
_ROLES = "SELECT quote_ident(rolname) FROM pg_roles"
_NEXT_TO_IT = "or get what can be made without them, next to the live database, with --salvage."
_PERMITTED = """
SELECT has_table_privilege(t, 'DELETE') AND has_table_privilege(t, 'INSERT')
FROM to_regclass(%(name)s) t WHERE t IS NOT NULL
"""
_CLOSED_SCHEMAS = """
SELECT quote_ident(nspname) FROM pg_namespace
WHERE nspname = ANY(%(schemas)s::text[]) AND NOT has_schema_privilege(oid, 'CREATE')
ORDER BY nspname
"""
_COLLATION = """
SELECT to_jsonb(d) ->> 'datcollversion', pg_database_collation_actual_version(d.oid)
FROM pg_database d WHERE d.datname = current_database()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAdvice:
    """How a backup is restored here, and what the operator should know of it."""

    swaps: bool
    """Whether it goes into a new database, which is swapped in."""
    problem: str = ""
    """Why it cannot be restored; empty if it can."""
    hint: str = ""
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        session: PostgresqlSession,
        selection: Selection,
        expected: Inventory | None,
        *,
        swaps: bool,
    ) -> "RestoreAdvice":
        """Look at what there is. Changes nothing."""
        if problem := _problem_of_either_mode(session, expected):
            return cls(swaps=swaps, problem=problem[0], hint=problem[1])
        if swaps:
            return _for_swap(session, expected)
        plan = plan_clearing(session, selection, expected)
        if problem := _in_place_problem(session, selection, plan, expected):
            return cls(swaps=False, problem=problem[0], hint=problem[1])
        locks = locks_of_restore(session, expected)
        if locks.suffice:
            return cls(swaps=False, warnings=tuple(_warnings(session, plan, expected)))
        other = _for_swap(session, expected)
        if other.problem or selection.schemas:
            return cls(swaps=False, problem=f"{locks}.", hint=MORE_LOCKS)
        said = f"{locks}. So the backup goes into a new database, which is then swapped in."
        return cls(swaps=True, warnings=(said, *other.warnings))

    def require_possible(self) -> None:
        """Raise ``ClientError`` if the backup cannot be restored."""
        if self.problem:
            raise ClientError(self.problem, hint=self.hint)


def dump_advice(session: PostgresqlSession, selection: Selection) -> Sequence[str]:
    """Return what a restore of a dump made now would meet with."""
    warnings = []
    special = read_objects(session, selection, special=True)
    # Most often there is nothing special, and of thousands of other objects nothing to say.
    plan = plan_clearing(session, selection, None) if special else None
    if conflicts := plan.conflicts if plan else others_large_objects(session, selection):
        warnings.append(
            f"A restore in place will be refused, since other roles own "
            f"{_shown(conflicts)}. {_AS_OWNER}"
        )
    found = [str(one) for one in special if one.superuser and one.kind != "extension"]
    if found and not session.value(IS_SUPERUSER):
        warnings.append(
            "Only a superuser can make these again in another database, and in this one "
            f"they stay as they are: {_shown(found)}."
        )
    if not selection.schemas and (tables := _fixed_tables(session)):
        warnings.append(
            f"The rows added to {_shown(tables)} can only be restored by a role that may "
            "delete and insert there."
        )
    locks = locks_of_restore(session, None)
    if not locks.suffice and (selection.schemas or swap_problem(session)):
        warnings.append(f"{locks}. {MORE_LOCKS}")
    warnings += _collation_warnings(session)
    return warnings


def _problem_of_either_mode(session: Session, expected: Inventory | None) -> tuple[str, str] | None:
    if is_standby(session):
        return STANDBY, ON_PRIMARY
    if prepared := [gid for (gid,) in session.rows(_PREPARED)]:
        what = f"The database has prepared transactions, which keep their locks: {_shown(prepared)}"
        return f"{what}.", _END_PREPARED
    needed = expected.objects.get(ROLE, frozenset()) if expected else frozenset()
    if missing := sorted(needed - {name for (name,) in session.rows(_ROLES)}) if needed else []:
        what = f"of the backup are for roles that do not exist here: {_shown(missing)}"
        hint = f"Create them first, as a superuser: CREATE ROLE {missing[0]}; {_NEXT_TO_IT}"
        return f"Policies or user mappings {what}.", hint
    return None


def _in_place_problem(
    session: Session, selection: Selection, plan: ClearingPlan, expected: Inventory | None
) -> tuple[str, str] | None:
    """Return why a restore in place would fail, and what to do; ``None`` if it would not."""
    if plan.conflicts:
        owned = _shown(plan.conflicts)
        return f"The database contains objects owned by other roles: {owned}.", _AS_OWNER
    present = {str(one) for one in plan.objects}
    if missing := _not_to_be_made(session, expected, present):
        return _only_superusers(missing)
    kept = {one.identity for one in plan.kept if one.kind == "extension"}
    for name, schema in moved_extensions(session, expected).items():
        if name in kept:
            what = f"Extension {name} is not in schema {schema}, where the backup needs it"
            move = f"ALTER EXTENSION {name} SET SCHEMA {schema}"
            return f"{what}, and this role cannot make it again.", f"As a superuser: {move}."
    if fixed := [] if selection.schemas else _fixed_tables(session, expected):
        what = f"This role may not replace the rows that were added to {_shown(fixed)}"
        grant = f"GRANT INSERT, DELETE ON {fixed[0]} to it, as the owner of the extension."
        return f"{what}, of an extension.", grant
    if closed := _closed_schema(session, plan, expected):
        grant = f"GRANT CREATE ON SCHEMA {closed} to it, as the owner of the schema."
        return f"This role may not create anything in schema {closed}.", grant
    return None


def _closed_schema(session: Session, plan: ClearingPlan, expected: Inventory | None) -> str:
    """Return a schema that stays, that the role may not fill, and that the backup has tables in."""
    if expected is None:
        return ""
    kept = {one.identity for one in plan.kept if one.kind == "table"}
    made = expected.objects.get("table", frozenset()) - kept
    schemas = {"schemas": sorted(plan.kept_schemas)}
    for (quoted,) in session.rows(_CLOSED_SCHEMAS, schemas):
        if any(table.startswith(f"{quoted}.") for table in made):
            return str(quoted)
    return ""


def _for_swap(session: PostgresqlSession, expected: Inventory | None) -> RestoreAdvice:
    if problem := swap_problem(session):
        return RestoreAdvice(swaps=True, problem=problem, hint=IN_PLACE_HINT)
    # A new database has what template0 has.
    if missing := _not_to_be_made(session, expected, set()):
        problem, _ = _only_superusers(missing)
        return RestoreAdvice(swaps=True, problem=problem, hint=IN_PLACE_HINT)
    grantees = _grantee_warnings(session, expected)
    return RestoreAdvice(swaps=True, warnings=tuple(grantees))


def _not_to_be_made(session: Session, expected: Inventory | None, present: set[str]) -> list[str]:
    if expected is None or session.value(IS_SUPERUSER):
        return []
    return sorted(expected.objects.get(SUPERUSER, frozenset()) - present)


def _only_superusers(missing: list[str]) -> tuple[str, str]:
    what = f"only a superuser can make, and it is not there: {_shown(missing)}"
    return f"The backup contains what {what}.", _AS_SUPERUSER


def _warnings(session: Session, plan: ClearingPlan, expected: Inventory | None) -> Iterable[str]:
    if expected is None:
        return
    if stays := [str(one) for one in unwanted(plan, expected) if not one.is_part]:
        yield (
            "These stay although the backup is without them, since this role cannot drop them: "
            f"{_shown(stays)}."
        )
    others = [o for o in plan.kept if o.kind not in ("schema", "extension")]
    if kept := [str(one) for one in others if not one.is_part and str(one) not in stays]:
        yield f"These stay as they are, since this role could not make them again: {_shown(kept)}."
    yield from _grantee_warnings(session, expected)


def _grantee_warnings(session: Session, expected: Inventory | None) -> Iterable[str]:
    if expected is not None and (roles := missing_grantees(session, expected)):
        yield f"Grants to roles that do not exist here are left out: {_shown(roles)}."


def _fixed_tables(session: Session, expected: Inventory | None = None) -> list[str]:
    """Return the tables of extensions with rows, here or in the backup, that cannot be replaced."""
    fixed = {name for name, permitted in extension_tables(session) if not permitted}
    dumped = expected.objects.get(EXTENSION_ROWS, frozenset()) if expected else frozenset()
    fixed |= {name for name in dumped if session.value(_PERMITTED, {"name": name}) is False}
    return sorted(fixed)


def _collation_warnings(session: PostgresqlSession) -> Iterable[str]:
    """https://www.postgresql.org/docs/current/sql-altercollation.html"""
    if int(session.server_version.partition(".")[0]) < 15:
        return
    [(made_with, now)] = session.rows(_COLLATION)
    if made_with and now and made_with != now:
        yield (
            f"The rules by which the operating system sorts text changed from {made_with} to "
            f"{now}: unique indexes may have let in duplicates, which no restore takes. "
            "Run REINDEX DATABASE, then ALTER DATABASE ... REFRESH COLLATION VERSION."
        )


def _shown(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN:,} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
