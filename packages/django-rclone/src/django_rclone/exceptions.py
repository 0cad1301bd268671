"""The errors of django-rclone.

::

    ImproperlyConfigured
      InvalidSettings         a key of DJANGO_RCLONE is wrong; says which, and the fix
        NotConfigured         DJANGO_RCLONE, or where backups go, is not set yet
        SecretMissing         a secret is not where the settings say that this process finds it
    DjangoRcloneError         base; never raised itself
      OperationVetoed         a receiver of a pre_* signal raised
      BackupNotFound          no such backup on the remote
      BackupRejected          the backup cannot be trusted, or does not fit the target
      BackupsFailed           of several databases, not all were backed up and pruned
      ClientError             a database client could not do what an operation asked
      DumpError               the database could not be read
      RestoreError            the database could not be replaced
        SwapRefused           ... and is as it was before
        SwapBroken            ... and is neither as it was nor as the backup is
        SwapUnknown           ... and nobody could find out in which state it is
      VerificationFailed      a backup was tried, and did not pass
      BackupsUnhealthy        the backups of a database are too old, unproven, or odd
      MediaGuardError         a media source is missing or empty, or too much would go
      MediaIncomplete         some media files could not be stored or restored
      SiteBackupFailed        a part of a site backup was not stored, so there is none
      SiteRestoreFailed       a part of a site backup was not restored
      OperationLocked         another run does the same at this moment
      ProcessError            a program failed
        ExecutableNotFound    a program is missing, or cannot be started
        RcloneError           rclone failed
      UnexpectedError         anything else: a fault of a client, a driver or this package
      OperationInterrupted    (BaseException) SIGTERM or SIGHUP arrived

``InvalidSettings`` stands outside the base, so that code which tolerates failed
backups never tolerates a wrong configuration.
"""

from collections.abc import Mapping, Sequence

from django.core.exceptions import ImproperlyConfigured

EXIT_PRUNE_FAILED = 3
"""All backups were made, and not all old ones could be pruned."""

MESSAGE_LIMIT = 2_000
"""Characters of a tool's own words kept in an error."""


class InvalidSettings(ImproperlyConfigured):
    """A setting is wrong. ``key`` names it, ``hint`` says how to fix it."""

    exit_code = 2

    def __init__(self, key: str, problem: str, hint: str) -> None:
        self.key = key
        self.problem = problem
        self.hint = hint
        where = f"DJANGO_RCLONE[{key!r}] " if key else ""
        super().__init__(f"{where}{problem}.\nHint: {hint}")


class NotConfigured(InvalidSettings):
    """Nothing says where backups go: the app was just added, or is not used here."""


class SecretMissing(InvalidSettings):
    """A secret is not where the settings say; processes that never back up need none."""


class DjangoRcloneError(Exception):
    """Base of everything that can go wrong while working. Do not raise it directly.

    ``hint`` is a sentence on what to do next; it is part of ``str(error)``.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\nHint: {hint}" if hint else message)


class OperationVetoed(DjangoRcloneError):
    """A receiver of a ``pre_*`` signal raised; nothing was touched."""

    exit_code = 4


class BackupNotFound(DjangoRcloneError):
    """The remote holds no such backup."""


class BackupRejected(DjangoRcloneError):
    """The backup is damaged, altered, of another kind, or from another environment."""


class BackupsFailed(DjangoRcloneError):
    """Of several databases or media sources some were not backed up, verified or pruned.

    ``stored`` holds the backups that were made; ``failed``, ``unproven`` and ``unpruned`` the
    errors by alias or name; ``kind`` says of what. The first failure decides the exit code.
    """

    def __init__(
        self,
        stored: Sequence[object],
        failed: Mapping[str, Exception],
        unpruned: Mapping[str, Exception],
        *,
        unproven: Mapping[str, Exception] | None = None,
        kind: str = "Database",
    ) -> None:
        self.stored = stored
        self.failed = failed
        self.unproven = unproven or {}
        self.unpruned = unpruned
        lines = [f"{kind} {alias!r} was not backed up: {e}" for alias, e in failed.items()]
        lines += [f"The new backup of {a!r} did not pass: {e}" for a, e in self.unproven.items()]
        lines += [f"Old backups of {alias!r} were not pruned: {e}" for alias, e in unpruned.items()]
        super().__init__("\n".join(lines))
        first = next(iter((*failed.values(), *self.unproven.values())), None)
        self.exit_code = EXIT_PRUNE_FAILED if first is None else getattr(first, "exit_code", 1)


class UnexpectedError(DjangoRcloneError):
    """Something raised what it never should. Its traceback is logged and shown."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message, hint="This is a fault of a program. Please report it, with the traceback."
        )


class ClientError(DjangoRcloneError):
    """A database client failed. Operations turn it into ``DumpError`` or ``RestoreError``."""


class DumpError(DjangoRcloneError):
    """The database could not be read whole."""


class RestoreError(DjangoRcloneError):
    """The database could not be replaced."""


class SwapRefused(RestoreError):
    """The restored data did not become live; the live data is as it was."""


class SwapBroken(RestoreError):
    """The swap stopped half-way: live data is neither as it was nor as the backup is."""


class SwapUnknown(RestoreError):
    """The swap may have happened or not: the live data could not be inspected afterwards."""


class VerificationFailed(DjangoRcloneError):
    """A backup was read back or rehearsed, and is not what its manifest says, or not sound."""


class BackupsUnhealthy(DjangoRcloneError):
    """The backups of a database are too old, were not proven for too long, or are odd."""


class MediaGuardError(DjangoRcloneError):
    """A media source is missing or empty, or too many files are gone or would be deleted."""


class MediaIncomplete(DjangoRcloneError):
    """The media files in the message were not stored or restored; ``run`` was stored, if any."""

    def __init__(self, message: str, *, hint: str = "", run: object = None) -> None:
        self.run = run
        super().__init__(message, hint=hint)


class SiteBackupFailed(DjangoRcloneError):
    """A database or a media source was not backed up, so there is no site backup.

    ``stored`` holds the backups and runs that were made; the first of ``errors`` decides the
    exit code.
    """

    def __init__(self, errors: Sequence[Exception], stored: Sequence[str]) -> None:
        self.stored = stored
        lines = ["There is no new site backup:", *map(str, errors)]
        if stored:
            lines += ["These parts are stored, and can be restored on their own:", *stored]
        super().__init__("\n".join(lines))
        self.exit_code = getattr(errors[0], "exit_code", 1)


class SiteRestoreFailed(DjangoRcloneError):
    """A part of a site backup was not restored. The message says what became of each part.

    The first of ``errors`` decides the exit code.
    """

    def __init__(self, errors: Sequence[Exception], states: Sequence[str], hint: str) -> None:
        super().__init__("\n".join([*map(str, errors), *states]), hint=hint)
        self.exit_code = getattr(errors[0], "exit_code", 1)


class OperationLocked(DjangoRcloneError):
    """Another run, here or on another host, does the same at this moment."""

    exit_code = 6


class ProcessError(DjangoRcloneError):
    """A program ended badly; the message carries its own last words.

    ``returncode`` is its exit status, negative for a signal; ``None`` if it never ran.
    ``transient`` is whether trying again may help.
    """

    transient = False

    def __init__(self, message: str, *, hint: str = "", returncode: int | None = None) -> None:
        self.returncode = returncode
        super().__init__(message, hint=hint)


class ExecutableNotFound(ProcessError):
    """A program is not installed, or cannot be started."""

    exit_code = 2


class RcloneError(ProcessError):
    """rclone failed; ``missing`` is whether there is no such object or folder."""

    missing = False


class OperationInterrupted(BaseException):
    """The process was asked to stop (SIGTERM, SIGHUP).

    Like ``KeyboardInterrupt`` it derives from ``BaseException``: no
    ``except Exception`` on the way up may swallow it.
    """

    def __init__(self, signal_name: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(signal_name, exit_code)

    def __str__(self) -> str:
        return f"Stopped by {self.args[0]}."
