"""Which backup a restore takes if none is named."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from ..backups import Backup
from ..backups.catalog import Catalog
from ..backups.retention import CLOCK_TOLERANCE, dated_after
from ..exceptions import BackupNotFound, BackupRejected


def newest_backup(
    catalog: Catalog, alias: str, environment: str, *, by_name: bool = False
) -> tuple[Backup, list[Backup]]:
    """Return the newest backup, and those before it that are dated in the future.

    ``by_name`` is whether the operator chooses one of another environment by its name.
    Raises ``BackupNotFound``.
    """
    limit = datetime.now(UTC) + CLOCK_TOLERANCE
    others: set[str] = set()
    ahead: list[Backup] = []
    safety: list[Backup] = []
    for backup in catalog.read().newest_first(alias):
        if backup.safety:
            # Of what a restore replaced: to restore the newest twice is to restore the same twice.
            safety.append(backup)
        elif backup.verified and backup.environment != environment:
            others.add(backup.environment)
        elif backup.verified and dated_after([backup], limit):
            ahead.append(backup)
        else:
            # An unverified one is not skipped: the environment that it names is unverified, too.
            return catalog.get(backup.path), ahead
    if ahead:
        return catalog.get(ahead[0].path), ahead
    raise BackupNotFound(
        f"There is no backup of database {alias!r}{of_environment(environment)} on the remote.",
        hint=_elsewhere(others, safety, by_name=by_name),
    )


def require_of(alias: str, backup: Backup) -> None:
    """Raise ``BackupRejected`` if a backup is known to be of another database."""
    if backup.manifest is not None and (known := backup.manifest.database) != alias:
        raise BackupRejected(
            f"{backup.path} is a backup of database {known!r}, not of {alias!r}.",
            hint=f"If the alias was renamed since, give the database its old one, {known!r}, in "
            "DATABASES for as long as this takes.",
        )


def _elsewhere(environments: Collection[str], safety: Sequence[Backup], *, by_name: bool) -> str:
    if environments and by_name:
        named = ", ".join(name or "(none)" for name in sorted(environments))
        return f"There are backups of other environments, {named}: name one with -i."
    if environments:
        return f"There are backups{of_other_environments(environments)}"
    if safety:
        return f"There is one of what a restore replaced: name it with -i {safety[0].name}."
    return "Run `manage.py listbackups` to see the backups that exist."


def dates_in_the_future(ahead: Sequence[Backup], chosen: Backup) -> Iterator[str]:
    """Yield a warning for each backup dated in the future, among them perhaps the one chosen."""
    for backup in ahead:
        other = "" if backup.path == chosen.path else f" To restore it, add -i {backup.name}."
        yield (
            f"{backup.path} is dated in the future ({backup.created_at:%Y-%m-%d %H:%M} UTC): "
            f"a clock was wrong, here or there.{other}"
        )


def not_verified(backup: Backup) -> Iterator[str]:
    """Yield a warning if the backup is not verified, and is restored all the same."""
    if not backup.verified:
        yield f"{backup.path} is not verified: {backup.problem}."


def of_environment(environment: str) -> str:
    """Return words for an environment, which may have no name."""
    return f" in environment {environment!r}" if environment else " without an environment"


def of_other_environments(environments: Iterable[str]) -> str:
    """Return words for the environments in which there is something, as a shell takes their names."""
    options = [f"--from-environment {shlex.quote(name)}" for name in sorted(environments)]
    others = "of another environment" if len(options) == 1 else "of other environments"
    return f" {others}: add {' or '.join(options)}."
