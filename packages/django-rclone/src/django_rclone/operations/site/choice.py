"""Which site backup a restore takes."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from ...backups.retention import CLOCK_TOLERANCE
from ...backups.sites import DATABASE, Part, SiteRecord, get_site, names_of, read_sites
from ...backups.verification import OLD_KEY
from ...conf import Settings
from ...exceptions import BackupNotFound, BackupRejected
from ...rclone import Remote
from ..media.choice import parse_moment
from ..newest import of_environment, of_other_environments
from .listing import ListedSite, with_missing

_END = datetime.max.replace(tzinfo=UTC)
_LIST = "`manage.py listbackups --site` shows the site backups."


def choose_site(
    remote: Remote, settings: Settings, at: str | None, environment: str
) -> tuple[SiteRecord, list[str]]:
    """Return the site backup to restore, and what the operator should know of the choice.

    ``at`` is its name, or a moment: then it is the newest whole one until then. Without it,
    the newest whole one. Raises ``BackupNotFound`` or ``BackupRejected``.
    """
    moment = parse_moment(at) if at is not None else None
    if at is not None and moment is None:
        (named,) = with_missing([get_site(remote, at, settings)], remote, settings)
        return _accepted(named, environment, settings), []
    listed = with_missing(read_sites(remote, settings), remote, settings)
    latest = datetime.now(UTC) + CLOCK_TOLERANCE if moment is None else moment
    here = [one for one in listed if _is_candidate(one, environment, latest)]
    whole = next((one for one in here if one.whole), None)
    chosen = whole or next((one for one in here if not one.missing), None)
    if chosen is None:
        raise _none_found(listed, here, environment, at, settings)
    record = _accepted(chosen, environment, settings)
    return record, list(_newer(listed, chosen, latest))


def _is_candidate(listed: ListedSite, environment: str, latest: datetime) -> bool:
    record = listed.site.record
    if record is None or not listed.verified or record.environment != environment:
        return False
    return record.created_at <= latest


def _accepted(listed: ListedSite, environment: str, settings: Settings) -> SiteRecord:
    """Return the record of a site backup that can be restored. Raises ``BackupRejected``."""
    name, record = listed.site.name, listed.site.record
    if record is None or not listed.verified:
        raise BackupRejected(
            f"Refusing to restore site backup {name}: {listed.site.problem}.",
            hint=f"{OLD_KEY} Its parts can be restored on their own, with dbrestore and "
            "mediarestore.",
        )
    if record.environment != environment:
        raise BackupRejected(
            f"Site backup {name} was made{of_environment(record.environment)}, "
            f"not{of_environment(environment)}.",
            hint=f"To restore it anyway, add --from-environment {record.environment!r}.",
        )
    if listed.missing:
        left = [part for part in record.parts if part not in listed.missing]
        commands = "\n".join(by_hand(part, environment, settings) for part in left)
        raise BackupRejected(
            f"Site backup {name} is torn. These parts are not on the remote any more:\n"
            + "\n".join(names_of(listed.missing)),
            hint=f"Choose another one with --at. The others can be restored alone:\n{commands}"
            if left
            else "Choose another one with --at.",
        )
    return record


def by_hand(part: Part, environment: str, settings: Settings, options: Sequence[str] = ()) -> str:
    """Return the command that restores one part; ``environment`` is that of the backup."""
    words = ["manage.py"]
    if part.kind == DATABASE:
        words += ["dbrestore", "-d", part.of, "-i", part.name]
    else:
        words += ["mediarestore", "-s", part.of, "--at", part.name]
    words += options
    if environment != settings.environment:
        words += ["--from-environment", environment]
    return shlex.join(words)


def _newer(listed: Sequence[ListedSite], chosen: ListedSite, latest: datetime) -> Iterator[str]:
    """Yield a sentence for the newest site backup, if it is not the one that was chosen."""
    record = chosen.site.record
    for one in listed:
        if one is chosen:
            return
        other = one.site.record
        if other is None or record is None or other.environment != record.environment:
            continue
        if not one.verified:
            why = one.site.problem
        elif other.created_at > latest:
            why = "it is newer, or dated in the future"
        else:
            why = "parts of it are missing" if one.missing else "files are missing in it"
        yield f"The newest site backup is not the one that is restored ({why}): {one.site.name}."
        return


def _none_found(
    listed: Sequence[ListedSite],
    here: Sequence[ListedSite],
    environment: str,
    at: str | None,
    settings: Settings,
) -> BackupNotFound | BackupRejected:
    until = f" until {at}" if at else ""
    if here:
        # It says what is missing in it.
        try:
            _accepted(here[0], environment, settings)
        except BackupRejected as error:
            return error
    for one in listed:
        if not one.verified:
            return BackupRejected(
                f"Refusing to restore site backup {one.site.name}: {one.site.problem}.",
                hint=OLD_KEY,
            )
    ahead = [one for one in listed if _is_candidate(one, environment, _END)]
    if ahead and at is None:
        return BackupRejected(
            f"Site backup {ahead[0].site.name} is dated in the future: a clock was wrong, "
            "here or there.",
            hint=f"To restore it, add --at {ahead[0].site.name}.",
        )
    others = sorted(
        {one.site.record.environment for one in listed if one.site.record} - {environment}
    )
    there = f"There are site backups{of_other_environments(others)}"
    return BackupNotFound(
        f"There is no site backup{of_environment(environment)}{until} on the remote.",
        hint=there if others and not at else _LIST,
    )
