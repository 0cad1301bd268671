"""Events as lines of Python's own logging."""

import logging

from django_rclone.events import State
from django_rclone_notify.messages import cut, facts, one_line, title
from django_rclone_notify.notices import Notice
from django_rclone_notify.notifiers.base import Notifier
from django_rclone_notify.notifiers.options import require_text

DEFAULT_LOGGER = "django_rclone_notify.operations"

_ERROR_LIMIT = 2_000


class LoggingNotifier(Notifier):
    """Writes one line per event: ``ERROR`` for a failure, ``INFO`` for the rest.

    ``logger`` names the logger to write to. The event itself is on the record,
    as ``record.event``, for formatters that write JSON. Gets every state of every
    operation by default. https://docs.python.org/3/library/logging.html
    """

    def __init__(self, *, logger: str = DEFAULT_LOGGER) -> None:
        self._logger = logging.getLogger(require_text("logger", logger))

    def notify(self, notice: Notice) -> str:
        """Log ``notice``."""
        event = notice.event
        level = logging.ERROR if event.state == State.FAILED else logging.INFO
        self._logger.log(level, "%s", line(notice), extra={"event": event})
        return f"logged to {self._logger.name}"


def line(notice: Notice) -> str:
    """Return everything about ``notice`` on one line."""
    event = notice.event
    parts = [title(notice), *facts(event)]
    if event.error_message:
        parts.append(cut(one_line(event.error_message), _ERROR_LIMIT))
    return "; ".join(parts)
