"""A look at all that backups of this site need. Nothing is backed up, and observers learn nothing."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ... import conf
from ...backups.catalog import database_catalog
from ...backups.contents import Contents
from ...backups.health import Health, Level
from ...backups.wording import ago
from ...clients import get_client
from ...clients.base import DatabaseClient
from ...conf import Settings
from ...exceptions import (
    BackupNotFound,
    DjangoRcloneError,
    DumpError,
    InvalidSettings,
    RcloneError,
)
from ...rclone import Remote, session
from ...rclone.binary import RcloneBinary, find_rclone, format_version
from ...rclone.environment import sentence
from ...scratch import scratch_directory
from ..check import database_health, media_health
from ..client_errors import require_no_transaction, translated
from ..databases import every_database
from ..media.runs import run_catalog
from ..media.storages import local_folder
from ..places import misplaced_backups, misplaced_media, shared_disks, unknown_remotes
from ..rehearsal import elsewhere_hint
from ..restore import plan_restore
from .findings import Finding, State, failed, ok, warning
from .recommended import missing_settings
from .trial import of_error, try_remote

_STATES = {Level.OK: State.OK, Level.WARNING: State.WARNING, Level.CRITICAL: State.FAILED}
_TIMER = "The page Scheduling of the documentation has a timer that runs the backups."
_FIRST = f"`manage.py backupsite` makes the first. {_TIMER}"
_SCHEDULE = f"`manage.py backupcheck` says more. {_TIMER}"


def look_at_site() -> Iterator[Finding]:
    """Yield what is found, step by step. What keeps everything else from working ends it."""
    problems = conf.problems()
    yield from (of_error("settings", one) for one in problems)
    if problems:
        return
    settings = conf.load()
    yield ok("settings", "DJANGO_RCLONE has no mistakes.")
    with session():
        found = list(_program(settings))
        yield from found
        if any(one.state is State.FAILED for one in found):
            return
        yield from _keys(settings)
        remote = Remote(settings)
        usable = True
        for finding in try_remote(settings):
            usable = usable and (finding.state is not State.FAILED)
            yield finding
        aliases = every_database()
        for alias in aliases:
            yield from _database(alias, settings, usable=usable)
        yield from _media_folders(settings)
        yield from _after(remote, settings, aliases, usable=usable)


def _program(settings: Settings) -> Iterator[Finding]:
    try:
        remote = Remote(settings)
        where = f"{format_version(remote.version)} ({find_rclone(settings)})"
        yield ok("rclone", f"It is rclone {where}.")
        if names := RcloneBinary(settings).left_out:
            yield warning("rclone", sentence(names), "Unset them, or see RCLONE_FLAGS.")
        wrong = (
            *misplaced_backups(remote, settings),
            *misplaced_media(),
            *unknown_remotes(remote, settings),
        )
        yield from (of_error("places", one) for one in wrong)
    except (DjangoRcloneError, InvalidSettings) as error:
        yield of_error("rclone", error)


def _keys(settings: Settings) -> Iterator[Finding]:
    missing = list(missing_settings(settings))
    for one in (*missing, *shared_disks(Remote(settings), settings)):
        yield warning("settings", f"{one.key} {one.problem}.", one.hint)
    if not any(one.key == "SIGNING_KEY" for one in missing):
        yield ok("keys", "Manifests are signed with SIGNING_KEY.")


def _database(alias: str, settings: Settings, *, usable: bool) -> Iterator[Finding]:
    step = f"database {alias!r}"
    try:
        client = get_client(alias, settings)
        client.check_tools()
        with translated(DumpError, client), client:
            require_no_transaction(client)
            said = _dump(client)
            warnings = list(client.dump_warnings())
            unproven = "" if alias in settings.rehearsal else client.rehearsal_problem()
    except (DjangoRcloneError, InvalidSettings) as error:
        yield of_error(step, error)
        return
    yield ok(step, said)
    yield from _warnings(step, warnings, client)
    if unproven:
        yield warning(f"rehearsal of {alias!r}", unproven, elsewhere_hint(alias))
    if usable:
        yield from _restore(alias, client)


def _dump(client: DatabaseClient) -> str:
    """Check that a dump can be made, and return by what. Raises what the client raises."""
    client.check_dump()
    found = client.versions()
    server = f" ({client.vendor} {found.server_version})" if found.server_version else ""
    return f"{found.tool} {found.tool_version} can dump it{server}."


def _restore(alias: str, client: DatabaseClient) -> Iterator[Finding]:
    """Look whether the newest backup could be restored here, with the rights of this role."""
    step = f"restore of {alias!r}"
    try:
        plan = plan_restore(alias)
    except BackupNotFound:
        return  # the schedule says so
    except (DjangoRcloneError, InvalidSettings) as error:
        yield of_error(step, error)
        return
    yield ok(step, f"{plan.backup.name} is signed, and could be restored to {plan.live}.")
    yield from _warnings(step, plan.warnings, client)


def _warnings(step: str, texts: Sequence[str], client: DatabaseClient) -> Iterator[Finding]:
    fix = f"What a role needs is on the page of {client.vendor} in the documentation."
    return (warning(step, text, fix) for text in texts)


def _media_folders(settings: Settings) -> Iterator[Finding]:
    for source in settings.media_sources:
        if not (folder := source.folder or local_folder(source)):
            continue
        step = f"media source {source.name!r}"
        try:
            next(Path(folder).iterdir(), None)
        except OSError as error:
            reason = f"{folder} cannot be read ({error.strerror})."
            fix = "Mount it, or correct MEDIA_ROOT or MEDIA_SOURCES; or create it, if it is new."
            yield warning(step, reason, fix)
        else:
            yield ok(step, f"{folder} can be read.")


def _after(
    remote: Remote, settings: Settings, aliases: Sequence[str], *, usable: bool
) -> Iterator[Finding]:
    """Look at what earlier backups tell."""
    largest = 0
    if usable:
        try:
            contents = database_catalog(remote, settings).read()
            largest = max((one.size for one in contents.backups), default=0)
            yield from _schedule(contents, remote, settings, aliases)
        except RcloneError as error:
            yield of_error("schedule", error)
    yield _temporary_folder(spools=usable and not remote.takes_streams(), largest=largest)


def _schedule(
    contents: Contents, remote: Remote, settings: Settings, aliases: Sequence[str]
) -> Iterator[Finding]:
    if contents.backups:
        for alias in aliases:
            yield _of_health(database_health(alias, contents, remote, settings))
    else:
        yield warning("schedule", "There is no backup yet.", _FIRST)
    runs = run_catalog(remote, settings).read()
    yield from map(_of_health, media_health(runs, remote, settings))


def _of_health(health: Health) -> Finding:
    made = health.newest.created_at if health.newest else None
    known = [one.text for one in health.findings]
    known += [f"backed up {ago(made, datetime.now(UTC))}"] if made else []
    fix = _SCHEDULE if health.level else ""
    text = f"{health.whose}: {'; '.join(known)}."
    return Finding("schedule", _STATES[health.level], text, fix)


def _temporary_folder(*, spools: bool, largest: int) -> Finding:
    """Look at the temporary folder, which has to take the ``largest`` backup if rclone ``spools``."""
    step, fix = "temporary folder", "Set TMPDIR to a folder that this user can write to."
    try:
        folder = Path(tempfile.gettempdir())
        with scratch_directory(folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return failed(step, f"It cannot be written to ({error.strerror}).", fix)
    room = f"{folder} has {free >> 20:,} MB of room"
    if spools and free < largest:
        need = f"the largest backup is {largest >> 20:,} MB, and would be kept there first"
        return failed(step, f"{room}; {need}.", "Free some, or set TMPDIR to a larger folder.")
    return ok(step, f"{room}.")
