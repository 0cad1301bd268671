"""Notifications as records of Python's logging."""

import logging
from dataclasses import asdict

from ..messages import details, error_text, one_line, strip_control_characters, title
from ..notifications import Notification, NotificationState
from ..options import require_text
from .base import Notifier

DEFAULT_LOGGER = "django_rclone_notify.operations"

_ERROR_LIMIT = 2_000
# A recovery is a warning, so that a handler that shows failures also shows their end.
_LEVELS: dict[str, int] = {
    NotificationState.FAILED: logging.ERROR,
    NotificationState.RECOVERED: logging.WARNING,
}


class LoggingNotifier(Notifier):
    """Logs one line per notification: ``ERROR``, ``WARNING`` for a recovery, else ``INFO``.

    ``logger`` is the name of the parent of the loggers; there is one per operation,
    such as ``django_rclone_notify.operations.db_backup``. The record has the fields
    of the event, for JSON formatters. Gets every state of every operation by
    default. https://docs.python.org/3/library/logging.html
    """

    def __init__(self, *, logger: str = DEFAULT_LOGGER) -> None:
        self._name = require_text("logger", logger)

    def notify(self, notification: Notification) -> str:
        """Log ``notification``."""
        logger = logging.getLogger(f"{self._name}.{notification.event.operation}")
        level = _LEVELS.get(notification.state, logging.INFO)
        logger.log(level, "%s", line(notification), extra=fields(notification))
        where = f"logged to {logger.name}"
        if _is_shown(logger, level):
            return where
        name = logging.getLevelName(level)
        return f"{where}, but no handler in LOGGING shows records of this logger at level {name}"


def _is_shown(logger: logging.Logger, level: int) -> bool:
    """Return whether any handler gets records of ``level``: https://docs.python.org/3/library/logging.html#logging-flow."""
    if not logger.isEnabledFor(level):
        return False
    at: logging.Logger | None = logger
    while at is not None:
        for handler in at.handlers:
            if handler.level <= level and not isinstance(handler, logging.NullHandler):
                return True
        at = at.parent if at.propagate else None
    return False


def line(notification: Notification) -> str:
    """Return the whole notification on one line."""
    event = notification.event
    error = one_line(error_text(event, _ERROR_LIMIT))
    return "; ".join(filter(None, [title(notification), *details(event), error]))


def fields(notification: Notification) -> dict[str, object]:
    """Return the extra attributes of the log record: the fields of the event, ready for JSON."""
    event = asdict(notification.event)
    strings = {
        name: strip_control_characters(str(value))
        for name, value in event.items()
        if isinstance(value, str)
    }
    started_at = notification.event.started_at.isoformat()
    return {**event, **strings, "state": str(notification.state), "started_at": started_at}
