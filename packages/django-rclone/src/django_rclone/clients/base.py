"""What every database client is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from django.db.backends.base.base import BaseDatabaseWrapper

from ..backups.inventory import Inventory
from ..backups.manifest import Manifest
from ..exceptions import ClientError
from ..pipeline.relay import Sink, Source
from ..processes import StallTimeout
from .asking import applied_migrations, broken_foreign_keys


class RestoreTarget(Sink, Protocol):
    """Where a restore goes: it is written, then finished, then swapped in.

    The first ``write()`` has no fewer than ``HEAD`` bytes, if the dump has as many.

    All three are called from the thread that entered ``restore()``, in this order,
    ``finish()`` and ``swap()`` once each. A rehearsal leaves ``swap()`` out.
    """

    def finish(self) -> None:
        """Load what is left and verify it.

        It may take long and may be interrupted. The live data MUST be untouched
        when it returns or raises.
        """

    def swap(self) -> None:
        """Make what was restored the live data. Never interrupted.

        After a failure the live data MUST be looked at, see ``swap_and_look()``.
        Raises ``SwapRefused`` if it is as it was, ``SwapBroken`` if it is neither
        as it was nor as the backup is, and ``SwapUnknown`` if it could not be
        looked at.
        """


class RehearsalTarget(Sink, Protocol):
    """Where a rehearsal goes: it is written, then finished, then questioned, then dropped."""

    place: Mapping[str, object]
    """After ``finish()``: what a connection to it has in its settings, other than the live one."""

    def finish(self) -> None:
        """Load what is left and verify it, as a restore does before its swap."""


class SalvageTarget(Sink, Protocol):
    """Where a salvage goes: it is written, then finished."""

    place: str
    """The new place next to the live database, for the operator's eyes."""
    missing: Sequence[str]
    """After ``finish()``: a sentence about each thing that could not be made."""

    def finish(self) -> None:
        """Make all that can be made of what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The program and the server that made a dump, for the manifest."""

    tool: str
    tool_version: str
    server_version: str


class DatabaseClient(ABC):
    """Knows how one kind of database is dumped and restored, and nothing else.

    A client serves one connection. It is a context manager: within the block it
    may hold one session with the server, which serves everything that is asked
    of it; leaving the block ends the session. It may be entered again.
    Keyword arguments of ``__init__`` beyond ``connection`` are what
    ``CLIENTS[alias]["OPTIONS"]`` may hold.

    Methods raise ``ClientError`` or ``ProcessError``: the operation knows whether it
    was a dump or a restore that failed, a client does not.
    """

    vendor: str
    """The kind of database, as Django names it in ``connection.vendor``."""
    format: ClassVar[str]
    """The format of its dumps. Only what ``accepts()`` allows is restored: by default the same."""
    magic: ClassVar[tuple[bytes, ...]] = ()
    """The possible first bytes of a dump, up to 16 each; anything else is not a dump. Empty: any."""
    extension: ClassVar[str]
    """The end of a dump's name, before that of the compression."""

    jobs: int = 1
    """How many sessions ``restore()`` and ``rehearse()`` may let work at once, if they can."""
    damage_check: str = ""
    """After ``dump()``: how the database was checked for damage, as its vendor calls it."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 - not every client holds a session
        """End the session, if there is one."""

    @classmethod
    def recognize(cls, head: bytes) -> str:
        """Return in words what a dump is that begins with ``head``, if ``restore()`` takes it.

        Otherwise it is empty. ``head`` has no fewer than ``HEAD`` bytes, if the dump has as many.
        A client that also restores dumps of other tools knows theirs here.
        """
        if any(map(head.startswith, cls.magic)) or not cls.magic:
            return f"a dump in format {cls.format!r}"
        return ""

    def accepts(self, vendor: str, dump_format: str) -> bool:
        """Return whether dumps of such a database, in such a format, can be restored here."""
        return (vendor, dump_format) == (self.vendor, self.format)

    @property
    def partial(self) -> bool:
        """Whether the client's options exclude some of the database from its dumps."""
        return False

    @abstractmethod
    def versions(self) -> Versions:
        """Return the versions of the program and the server that would make a dump now."""

    @abstractmethod
    def describe_target(self) -> str:
        """Return which database a restore replaces, for the operator's eyes. No secrets."""

    def check_tools(self) -> None:  # noqa: B027 - not every client needs programs
        """Raise ``ExecutableNotFound`` when a required program is missing. Opens no session."""

    @abstractmethod
    def check_dump(self) -> None:
        """Raise ``ClientError`` when a dump cannot succeed. Changes and creates nothing."""

    @abstractmethod
    def check_restore(self, manifest: Manifest | None) -> None:
        """Raise ``ClientError`` when this backup cannot be restored here.

        ``manifest`` is ``None`` for a backup that is not verified. Changes and creates nothing.
        """

    def dump_warnings(self) -> Sequence[str]:
        """Return what the operator should know about a dump made now, after ``check_dump()``."""
        return ()

    def jobs_problem(self) -> str:
        """Return why several ``jobs`` make no difference to a restore that was checked, if so."""
        return "a database of this kind is restored by one session"

    def nothing_to_lose(self) -> str:
        """Return why what is live need not be backed up before it is replaced, in words.

        For example ``"it is empty"``. It is empty itself if that is needed, or not known.
        """
        return ""

    def restore_warnings(self) -> Sequence[str]:
        """Return what the operator should know before agreeing to a restore.

        Called after ``check_restore()``. A client that cannot keep the promise of
        ``restore()`` MUST say so here.
        """
        return ()

    @abstractmethod
    def dump(self, *, stall_timeout: StallTimeout | None) -> AbstractContextManager[Source]:
        """Yield the dump of one consistent moment.

        ``finish()`` of the source MUST raise unless the dump is complete. A program
        that makes no progress for ``stall_timeout`` MUST be given up.
        """

    def dump_inventory(self) -> Inventory | None:
        """Return what the dump holds, or ``None`` if the client does not know.

        Called within ``dump()``, after the ``finish()`` of its source. It MUST be of the
        dump's own moment. Rows are counted only where that costs little.
        """
        return None

    def remarks(self) -> Sequence[str]:
        """Return what the operator should know about the dump or restore just made.

        Called before its context is left, once it has succeeded. What was known before
        it began is among the warnings.
        """
        return ()

    @abstractmethod
    def restore(self, expected: Inventory | None = None) -> AbstractContextManager[RestoreTarget]:
        """Yield what takes a dump.

        With ``expected``, what was restored MUST be compared with it before it is live:
        ``expected.require()``. It comes from a verified manifest, whose hash the dump is
        proven to have before ``finish()``. Without it a dump may be damaged or forged.
        Leaving the context without a successful ``swap()`` MUST remove every trace of
        the restore, unless the live data is broken or its state is unknown.
        """

    def rehearse(
        self, expected: Inventory | None = None
    ) -> AbstractContextManager[RehearsalTarget]:
        """Yield what takes a dump for a rehearsal: a scratch place next to the live database.

        What was restored is compared with ``expected`` as in ``restore()``. Leaving the
        context removes every trace; the live data is never touched. Raises ``ClientError`` if
        there can be no such place.
        """
        raise ClientError(self.rehearsal_problem())

    def rehearsal_problem(self) -> str:
        """Return why ``rehearse()`` can make no scratch place here; empty if it can."""
        return "A database of this kind has no scratch place for a rehearsal."

    def broken_foreign_keys(self, connection: BaseDatabaseWrapper) -> Sequence[str]:
        """Return the tables in which foreign keys do not hold, as far as they are known.

        ``connection`` is one to what was rehearsed. Raises ``Error`` of Django.
        """
        return broken_foreign_keys(connection)

    def salvage(self, expected: Inventory | None = None) -> AbstractContextManager[SalvageTarget]:
        """Yield what takes a dump that cannot be restored whole, and makes of it what can be made.

        It goes to a new place next to the live database, which is kept once ``finish()`` has
        returned. Raises ``ClientError`` if there can be no such place.
        """
        raise ClientError("Databases of this kind cannot be salvaged.")

    def applied_migrations(self) -> tuple[str, ...]:
        """Return the migrations applied now, as ``app.name``, sorted. Called during a dump.

        Raises ``ClientError`` when they cannot be read.
        """
        return applied_migrations(self.connection)
