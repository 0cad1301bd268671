"""Compares what was restored with what the backup contains, before it becomes live.

Not compared is what the operator was warned of before: what stays since it belongs to
others, and grants to roles that are not there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ...backups.inventory import Inventory
from ..session import Session
from .answers import answers, count_of, in_lots
from .catalog import Object, Selection
from .clearing import ClearingPlan
from .contents import GRANTEE, OWNER, Contents
from .definitions import DEFINITION
from .kinds import COMMENT, DEFAULT_PRIVILEGES, GRANT, OBJECT_KINDS

_ROLES = "SELECT quote_ident(rolname), pg_has_role(oid, 'USAGE') FROM pg_roles"
_OWN = "SELECT quote_ident(current_user), rolsuper FROM pg_roles WHERE rolname = current_user"

Names = Mapping[str, frozenset[str]]


def require_restored(
    session: Session,
    selection: Selection,
    expected: Inventory,
    plan: ClearingPlan,
    loaded: Mapping[str, int],
) -> None:
    """Raise ``ClientError`` unless the database is as ``expected``, but for what ``plan`` keeps.

    ``loaded`` is how many rows the server took, for some of the tables.
    """
    contents = Contents.read(session, selection)
    found = contents.inventory(session, selection)
    tables = expected.rows.keys() & found.objects["table"]
    rows = {table: loaded[table] for table in tables & loaded.keys()}
    for lot in in_lots(sorted(tables - loaded.keys())):
        counts = answers(session, [count_of(table) for table in lot])
        rows |= zip(lot, counts, strict=True)
    excuses = Excuses.of(session, contents.objects, expected, plan)
    wanted = Inventory(excuses.applied(expected.objects), expected.rows)
    wanted.require(Inventory(excuses.applied(found.objects, wanted.objects), rows))


def missing_grantees(session: Session, expected: Inventory) -> list[str]:
    """Return the roles that the backup grants something to, and that are not there."""
    present = {"PUBLIC"} | {name for name, _ in session.rows(_ROLES)}
    present |= expected.objects.get(OWNER, frozenset())
    return sorted(expected.objects.get(GRANTEE, frozenset()) - present)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuses:
    """What may differ."""

    kept: Names
    """What stays, by kind: it may be there, although the backup is without it."""
    fixed: tuple[str, ...]
    """How the names of comments begin that this role cannot change."""
    as_they_are: tuple[str, ...]
    """How the names of definitions begin of what stays as it is."""
    own: frozenset[str]
    """The objects whose grants this role can change."""
    roles: frozenset[str]
    """The roles whose grants are not compared: owners, and those that are not there."""
    missing: frozenset[str]
    """The roles that are not there."""
    definers: frozenset[str]
    """The roles whose default privileges this role can change."""
    superuser: bool

    @classmethod
    def of(
        cls, session: Session, objects: list[Object], expected: Inventory, plan: ClearingPlan
    ) -> "Excuses":
        """Return what may differ here, where there are ``objects`` after a restore."""
        [(current, superuser)] = session.rows(_OWN)
        roles = session.rows(_ROLES)
        missing = frozenset(missing_grantees(session, expected))
        kept: dict[str, set[str]] = {}
        for one in plan.kept:
            kept.setdefault(one.kind, set()).add(one.identity)
        return cls(
            kept={kind: frozenset(names) for kind, names in kept.items()},
            fixed=tuple(f"{one.key}: " for one in plan.kept if not one.droppable),
            as_they_are=tuple(f"{one}: " for one in plan.kept),
            own=frozenset(one.key for one in objects if one.droppable),
            roles=frozenset({current, *missing}) | expected.objects.get(OWNER, frozenset()),
            missing=missing,
            definers=frozenset(name for name, usable in roles if usable),
            superuser=superuser,
        )

    def applied(self, objects: Names, wanted: Names | None = None) -> Names:
        """Return the names that count. Of what stays only what is ``wanted`` counts."""
        counted = {}
        for kind in OBJECT_KINDS:
            names = objects.get(kind.name)
            if names is not None:
                stays = self.kept.get(kind.name, frozenset())
                extra = wanted is not None and stays - wanted.get(kind.name, frozenset())
                counted[kind.name] = names - (extra or frozenset())
        for kind_name, names in objects.items():
            if kind_name == GRANT.name:
                counted[kind_name] = frozenset(n for n in names if self._grant_counts(n))
            elif kind_name == DEFAULT_PRIVILEGES.name:
                counted[kind_name] = frozenset(n for n in names if self._default_counts(n))
            elif kind_name == COMMENT.name:
                counted[kind_name] = _without(names, self.fixed)
                if wanted is not None:
                    counted[kind_name] -= _given(names - wanted.get(kind_name, names))
            elif kind_name.startswith(DEFINITION):
                counted[kind_name] = _without(names, self.as_they_are)
            elif kind_name not in counted:
                counted[kind_name] = names
        return counted

    def _grant_counts(self, name: str) -> bool:
        if any(name.endswith(f" to {role}") for role in self.roles):
            return False
        return self.superuser or name.startswith("large object ") or self._is_of_own(name)

    def _is_of_own(self, name: str) -> bool:
        # Names may contain anything, such as the colon that ends them.
        place = name.find(": ")
        while place >= 0:
            if name[:place] in self.own:
                return True
            place = name.find(": ", place + 1)
        return False

    def _default_counts(self, name: str) -> bool:
        return any(f" by {role} to " in name for role in self.definers) and not any(
            name.endswith(f" to {role}") for role in self.missing
        )


def _given(comments: frozenset[str]) -> frozenset[str]:
    """Return those of some comments that an extension brings when it is created."""
    return frozenset(name for name in comments if name.startswith("extension "))


def _without(names: frozenset[str], starts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in names if not name.startswith(starts))


def unwanted(plan: ClearingPlan, expected: Inventory) -> list[Object]:
    """Return what stays although the backup is without it."""
    return [
        one
        for one in plan.kept
        if one.kind in expected.objects and one.identity not in expected.objects[one.kind]
    ]
