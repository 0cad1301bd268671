"""The one receiver of the package: hands an event to every channel that wants it."""

import contextlib
import logging

from django_rclone.events import OperationEvent
from django_rclone_notify import conf
from django_rclone_notify.budget import limited_to
from django_rclone_notify.notices import Notice
from django_rclone_notify.redaction import masked, told

logger = logging.getLogger("django_rclone_notify")


def deliver(sender: object, event: OperationEvent, **_kwargs: object) -> None:
    """Deliver ``event`` to the configured channels, one after the other.

    Nothing is raised: what goes wrong, in the configuration too, is one warning
    per channel in the log ``django_rclone_notify``. Ctrl-C and the like still
    stop the process.
    """
    try:
        aliases = conf.aliases()
    except Exception as error:  # noqa: BLE001 - an observer never breaks a backup
        _warn("No notification was sent", error)
        return
    for alias in aliases:
        _deliver_to(alias, event)


def _deliver_to(alias: str, event: OperationEvent) -> None:
    secrets: list[str] = []
    try:
        channel = conf.read_channel(alias)
        secrets = [*channel.secrets]
        notice = Notice(event=event)
        if channel.filter.accepts(notice):
            with limited_to(channel.timeout):
                channel.build().notify(notice)
    # SystemExit too: a library that exits the process must not end a backup.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        what = f'"{alias}" was not notified that {_name(event)}'
        _warn(what, error, secrets)


def _name(event: object) -> str:
    operation = getattr(event, "operation", "an operation")
    return f"{operation} {getattr(event, 'state', 'changed')}"


def _warn(what: str, error: BaseException, secrets: list[str] | None = None) -> None:
    # A log handler of the site may raise as well.
    with contextlib.suppress(Exception):
        logger.warning("%s: %s", masked(what), told(error, secrets or []))
