"""A notifier for the tests of a site."""

from ..notifications import Notification
from .base import Notifier

outbox: list[Notification] = []
"""Every notification of a ``DummyNotifier`` in this process; clear it between tests."""


class DummyNotifier(Notifier):
    """Keeps notifications in ``outbox`` and sends nothing. Gets everything by default."""

    def notify(self, notification: Notification) -> str:
        """Append ``notification`` to ``outbox``."""
        outbox.append(notification)
        return "kept in the outbox"
