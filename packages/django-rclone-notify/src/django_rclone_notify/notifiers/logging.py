"""Notices as lines of Python's own logging."""

import logging
from dataclasses import asdict

from ..messages import cleaned, cut, facts, one_line, title
from ..notifications import Notice, NoticeState
from ..options import require_text
from .base import Notifier

DEFAULT_LOGGER = "django_rclone_notify.operations"

_ERROR_LIMIT = 2_000
# A recovery stands where the failure stood: a handler that shows trouble shows its end too.
_LEVELS: dict[str, int] = {
    NoticeState.FAILED: logging.ERROR,
    NoticeState.RECOVERED: logging.WARNING,
}


class LoggingNotifier(Notifier):
    """Writes one line per notice: ``ERROR``, ``WARNING`` for a recovery, otherwise ``INFO``.

    ``logger`` names the parent of the loggers, one per operation, such as
    ``django_rclone_notify.operations.db_backup``. The fields of the event are on
    the record, for formatters that write JSON. Gets every state of every
    operation by default. https://docs.python.org/3/library/logging.html
    """

    def __init__(self, *, logger: str = DEFAULT_LOGGER) -> None:
        self._name = require_text("logger", logger)

    def notify(self, notice: Notice) -> str:
        """Log ``notice``."""
        logger = logging.getLogger(f"{self._name}.{notice.event.operation}")
        level = _LEVELS.get(notice.state, logging.INFO)
        logger.log(level, "%s", line(notice), extra=fields(notice))
        return f"logged as {logger.name}"


def line(notice: Notice) -> str:
    """Return everything about ``notice`` on one line."""
    event = notice.event
    parts = [title(notice), *facts(event)]
    if event.error_message:
        parts.append(cut(one_line(event.error_message), _ERROR_LIMIT))
    return "; ".join(parts)


def fields(notice: Notice) -> dict[str, object]:
    """Return what is put on the log record: the fields of the event, ready for JSON."""
    plain = asdict(notice.event)
    texts = {name: cleaned(str(value)) for name, value in plain.items() if isinstance(value, str)}
    started_at = notice.event.started_at.isoformat()
    return {**plain, **texts, "state": str(notice.state), "started_at": started_at}
