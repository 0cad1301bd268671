"""A rehearsal: a backup is restored into a scratch place, and what came back is questioned."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error
from django.utils.module_loading import import_string

from ..backups import Backup
from ..backups.catalog import Catalog
from ..backups.inventory import Inventory
from ..clients import get_client
from ..clients.base import DatabaseClient, RehearsalTarget, RestoreTarget
from ..conf import Settings
from ..exceptions import InvalidSettings, RestoreError
from ..interrupts import uninterrupted
from ..redaction import redact
from .client_errors import require_no_transaction, translated
from .migrations import missing_migrations
from .reading import expected_inventory
from .rehearsal_place import mark, require_apart, require_ours

Check = Callable[[BaseDatabaseWrapper], Iterable[str]]
"""A check of the site's own: it returns what is wrong, in sentences."""


@contextmanager
def rehearse(
    alias: str, backup: Backup, catalog: Catalog, settings: Settings, *, jobs: int = 1
) -> "Iterator[Rehearsed]":
    """Yield the rehearsal of a backup: write to it, finish it, then ask for ``complaints()``.

    The scratch place is next to the live database of ``alias``, which is not touched, or is the
    database that ``REHEARSAL`` names, whose content is replaced. One that has backups in
    ``catalog`` is not, nor one that is neither empty nor filled by a rehearsal. Up to ``jobs``
    sessions work there at once, if the client can use them. Raises ``InvalidSettings``,
    ``BackupRejected``, ``RestoreError`` or ``RcloneError`` if there can be none.
    """
    checks = [_imported(path) for path in settings.rehearsal_checks]
    other = settings.rehearsal.get(alias)
    if other:
        require_apart(other, catalog, settings)
    client = get_client(other or alias, settings)
    client.jobs = jobs
    expected = expected_inventory(backup)
    with ExitStack() as stack:
        stack.enter_context(translated(RestoreError, client, hint=_hint(alias, other)))
        stack.enter_context(client)
        if other:
            require_no_transaction(client)
            require_ours(other, client)
            client.check_restore(backup.manifest)
            restore = stack.enter_context(client.restore(expected))
            target: RehearsalTarget = _Replaced(restore, client.connection)
        else:
            target = stack.enter_context(client.rehearse(expected))
        yield Rehearsed(alias, backup, client, target, expected, checks)


def _hint(alias: str, other: str | None) -> str:
    if other:
        return f"This is about {other!r}, which REHEARSAL names to rehearse in."
    return elsewhere_hint(alias)


def elsewhere_hint(alias: str) -> str:
    """Return what to do where there can be no scratch place next to the live database."""
    return (
        f'Let REHEARSAL name another database to rehearse in: {{"{alias}": "rehearsal"}}, where '
        '"rehearsal" is one of DATABASES with nothing of value in it. Or read the backup back '
        "without a database, with --remote-only."
    )


class _Replaced:
    """A whole restore of the database that ``REHEARSAL`` names, as the target of a rehearsal."""

    def __init__(self, target: RestoreTarget, connection: BaseDatabaseWrapper) -> None:
        self._target = target
        self._connection = connection
        self.place: Mapping[str, object] = {}
        self.problem = ""
        """Why the next rehearsal will not know this one's place, if so."""

    def write(self, data: bytes) -> None:
        """See ``RestoreTarget``."""
        self._target.write(data)

    def finish(self) -> None:
        """Finish, and replace its content: nothing in it is of value."""
        self._target.finish()
        with uninterrupted():
            self._target.swap()
            self.problem = mark(self._connection)


class Rehearsed:
    """What a backup is restored into for a rehearsal, and the questions to it. A ``Sink``."""

    def __init__(
        self,
        alias: str,
        backup: Backup,
        client: DatabaseClient,
        target: RehearsalTarget,
        expected: Inventory | None,
        checks: Sequence[tuple[str, Check]],
    ) -> None:
        self._alias = alias
        self._backup = backup
        self._client = client
        self._target = target
        self._checks = checks
        self.compared = expected.summary() if expected else []
        """What is compared, in words: by ``finish()``, and by ``complaints()``."""
        self._unasked: list[str] = []

    def write(self, data: bytes) -> None:
        """Restore more of the dump. Raises ``ClientError`` or ``ProcessError``."""
        self._target.write(data)

    def finish(self) -> None:
        """Restore the rest, and compare the result with the manifest. Raises ``ClientError``."""
        self._target.finish()

    def complaints(self) -> list[str]:
        """Ask what was restored, and return what is wrong, in sentences."""
        connection = self._client.connection.copy()
        connection.settings_dict.update(self._target.place)
        with closing(connection):
            # The site's own check may ask in a thread.
            connection.inc_thread_sharing()
            found = self._broken_foreign_keys(connection)
            for path, check in self._checks:
                found += _answers(path, check, connection)
                self.compared.append(path)
        return found

    def remarks(self) -> Iterator[str]:
        """Yield what the operator should know: what could not be asked, and what to migrate."""
        yield from self._unasked
        if problem := getattr(self._target, "problem", ""):
            yield problem
        yield from missing_migrations(self._alias, self._backup)

    def _broken_foreign_keys(self, connection: BaseDatabaseWrapper) -> list[str]:
        try:
            broken = self._client.broken_foreign_keys(connection)
        except Error as error:
            self._unasked.append(f"Foreign keys could not be checked: {_reason(error)}.")
            return []
        if not broken:
            self.compared.append("foreign keys")
        return [f"foreign keys do not hold in table {table}" for table in broken]


def _answers(path: str, check: Check, connection: BaseDatabaseWrapper) -> Iterator[str]:
    try:
        yield from (f"{path}: {redact(str(one))}" for one in check(connection))
    except Exception as error:  # noqa: BLE001 - a check of the site may raise anything
        yield f"{path} raised {type(error).__name__}: {_reason(error)}"


def _imported(path: str) -> tuple[str, Check]:
    try:
        check = import_string(path)
    except ImportError as error:
        raise InvalidSettings(
            "REHEARSAL_CHECKS", f"names {path}, which cannot be imported: {error}", "Correct it."
        ) from None
    if not callable(check):
        hint = "Name a function that takes a connection and returns complaints."
        raise InvalidSettings("REHEARSAL_CHECKS", f"names {path}, which cannot be called", hint)
    return path, check


def _reason(error: Exception) -> str:
    lines = redact(str(error)).strip().splitlines() or [type(error).__name__]
    return lines[0][:500].rstrip(".")
