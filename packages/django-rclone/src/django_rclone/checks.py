"""System checks: ``manage.py check --tag django_rclone``, and more with ``--deploy``.

Numbers are never reused.
"""

from django.core import checks
from django.core.checks import CheckMessage, Error

from . import conf
from .clients import get_client
from .conf import Settings
from .exceptions import DjangoRcloneError, InvalidSettings, NotConfigured, SecretMissing
from .operations.places import (
    misplaced_backups,
    misplaced_media,
    shared_disks,
    unknown_remotes,
)
from .operations.setup.recommended import missing_settings
from .rclone import Remote
from .rclone.binary import RcloneBinary
from .rclone.environment import sentence
from .redaction import redact

TAG = "django_rclone"


def check_site() -> list[CheckMessage]:
    """Return what is wrong with the settings, or else what is wrong on this host."""
    if problems := check_settings():
        return problems
    settings = conf.load()
    return [*check_rclone(settings), *check_places(settings), *check_clients(settings)]


def check_deployment() -> list[CheckMessage]:
    """Return what is fine for a first try, and not for a site that matters."""
    if conf.problems():
        return []  # check_site() says so
    settings = conf.load()
    return [*check_recommended(settings), *check_disks(settings)]


def check_settings() -> list[CheckMessage]:
    """E001: REMOTE is wrong. E002: any other setting is. W010: REMOTE is not set. W011: a secret is not here."""
    return [_of_setting(one) for one in conf.problems()]


def check_rclone(settings: Settings) -> list[CheckMessage]:
    """W001: rclone is missing. W002: it is too old, or does not run. W005: variables left out."""
    try:
        rclone = RcloneBinary(settings)
    except (DjangoRcloneError, InvalidSettings) as error:
        return [_warning(error, "W001")]
    try:
        rclone.require_supported()
        names = rclone.left_out
    except InvalidSettings as error:
        return [_error(error, "E002")]  # what only rclone knows to be wrong
    except DjangoRcloneError as error:
        return [_warning(error, "W002")]
    return [checks.Warning(sentence(names), id=f"{TAG}.W005")] if names else []


def check_places(settings: Settings) -> list[CheckMessage]:
    """E003: backups, or what nobody may read, lie where the site serves files. W006: no such remote."""
    try:
        remote = Remote(settings)
        return [
            *(_error(one, "E003") for one in misplaced_backups(remote, settings)),
            *(_error(one, "E003") for one in misplaced_media()),
            *(_warning(one, "W006") for one in unknown_remotes(remote, settings)),
        ]
    except (DjangoRcloneError, InvalidSettings):
        return []  # check_rclone() says so


def check_recommended(settings: Settings) -> list[CheckMessage]:
    """W007: there is no SIGNING_KEY. W008: there is no ENVIRONMENT."""
    numbers = {"SIGNING_KEY": "W007", "ENVIRONMENT": "W008"}
    return [_warning(one, numbers[one.key]) for one in missing_settings(settings)]


def check_disks(settings: Settings) -> list[CheckMessage]:
    """W009: backups lie on the disk of what they are for."""
    try:
        return [_warning(one, "W009") for one in shared_disks(Remote(settings), settings)]
    except (DjangoRcloneError, InvalidSettings):
        return []  # check_rclone() says so


def check_clients(settings: Settings) -> list[CheckMessage]:
    """W003: the client of a database cannot be created. W004: its programs are missing."""
    found: list[CheckMessage] = []
    for alias in conf.database_aliases():
        try:
            client = get_client(alias, settings)
        except InvalidSettings as error:
            found.append(_warning(error, "W003"))
            continue
        try:
            client.check_tools()
        except DjangoRcloneError as error:
            found.append(_warning(error, "W004"))
    return found


def _of_setting(problem: InvalidSettings) -> CheckMessage:
    # An error would keep `migrate` and `runserver` from running. They need neither: the app may
    # have been added a minute ago, and the secrets may be with the service that backs up alone.
    if isinstance(problem, NotConfigured):
        return _warning(problem, "W010")
    if isinstance(problem, SecretMissing):
        return _warning(problem, "W011")
    return _error(problem, "E001" if problem.key in ("", "REMOTE") else "E002")


def _error(problem: InvalidSettings, number: str) -> CheckMessage:
    return Error(_statement(problem), hint=problem.hint, id=f"{TAG}.{number}")


def _warning(error: DjangoRcloneError | InvalidSettings, number: str) -> CheckMessage:
    text = _statement(error) if isinstance(error, InvalidSettings) else redact(error.message)
    return checks.Warning(text, hint=error.hint, id=f"{TAG}.{number}")


def _statement(error: InvalidSettings) -> str:
    where = f"{conf.SETTING}[{error.key!r}] " if error.key else ""
    return redact(f"{where}{error.problem}.")
