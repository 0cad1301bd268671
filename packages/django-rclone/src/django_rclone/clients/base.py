"""What every database client is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import Error

from ..backups.manifest import Manifest
from ..exceptions import DumpError
from ..pipeline.relay import Source, Target
from ..processes import StallTimeout


class RestoreTarget(Target, Protocol):
    """Where a restore goes: bytes are written, and ``commit()`` replaces the database."""

    @property
    def changed(self) -> bool | None:
        """Whether the live database was touched; ``None`` when it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What made a dump, for the manifest."""

    tool: str
    tool_version: str
    server_version: str


class DatabaseClient(ABC):
    """Knows how one kind of database is dumped and restored, and nothing else.

    A client is made for one operation on one connection. Keyword arguments of
    ``__init__`` beyond ``connection`` are what ``CLIENTS[alias]["OPTIONS"]`` may hold.
    """

    vendor: str
    """The kind of database, as Django names it in ``connection.vendor``."""
    format: ClassVar[str]
    """What a dump is; only what ``accepts()`` says is restored, by default the same."""
    begins: ClassVar[tuple[bytes, ...]] = ()
    """How a dump may begin, in up to 16 bytes; what begins otherwise is no backup. Empty: anyhow."""
    extension: ClassVar[str]
    """The end of a dump's name, before that of the compression."""

    patience: StallTimeout | None = None
    """How long to wait for a program that dumps: what ``DUMP_STALL_TIMEOUT`` says."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def accepts(self, vendor: str, dump_format: str) -> bool:
        """Tell whether dumps of such a database, in such a format, are restored here."""
        return (vendor, dump_format) == (self.vendor, self.format)

    @property
    def partial(self) -> bool:
        """Whether dumps leave out, by the client's options, what the database holds."""
        return False

    @abstractmethod
    def versions(self) -> Versions:
        """Return what would make a dump now."""

    @abstractmethod
    def describe_target(self) -> str:
        """Return which database a restore replaces, for the operator's eyes. No secrets."""

    def check_tools(self) -> None:  # noqa: B027 - not every client needs programs
        """Raise ``ExecutableNotFound`` when a program needed is missing. Touches no database."""

    @abstractmethod
    def check_dump(self) -> None:
        """Raise ``DumpError`` when a dump cannot work. Changes and creates nothing."""

    @abstractmethod
    def check_restore(self, manifest: Manifest | None) -> None:
        """Raise ``RestoreError`` when this backup cannot be restored here.

        ``manifest`` is ``None`` when nothing vouches for the backup. Changes and
        creates nothing.
        """

    def dump_warnings(self) -> Sequence[str]:
        """Return what the operator should know of a dump made now. Asked after ``check_dump()``."""
        return ()

    def restore_warnings(self) -> Sequence[str]:
        """Return what the operator should know before agreeing to a restore.

        Asked after ``check_restore()``. A client that cannot keep the promise of
        ``restore()`` MUST say so here.
        """
        return ()

    @abstractmethod
    def dump(self) -> AbstractContextManager[Source]:
        """Yield the dump of one consistent moment.

        ``finish()`` of the source MUST raise ``DumpError`` unless the dump is whole.
        """

    @abstractmethod
    def restore(self) -> AbstractContextManager[RestoreTarget]:
        """Yield what takes a dump.

        Until ``commit()`` the live database MUST stay as it is; ``commit()`` MUST
        replace it wholly or raise ``RestoreError`` and leave it as it was. Leaving
        the context without ``commit()`` MUST remove every trace. Ctrl-C and SIGTERM
        are kept during ``commit()``, but for where it says ``interruptible()``.
        """

    def applied_migrations(self) -> tuple[str, ...]:
        """Return the migrations applied now, as ``app.name``, sorted.

        Raises ``DumpError`` when the database cannot be read.
        """
        try:
            applied = MigrationRecorder(self.connection).applied_migrations()
        except Error as error:
            raise DumpError(f"The applied migrations cannot be read: {error}.") from error
        finally:
            self.connection.close()
        return tuple(sorted(f"{app}.{name}" for app, name in applied))
