"""A notifier for the tests of a site."""

from django_rclone.events import OperationEvent
from django_rclone_notify.notifiers.base import Notifier

outbox: list[OperationEvent] = []
"""Every event delivered by a ``DummyNotifier`` in this process; clear it between tests."""


class DummyNotifier(Notifier):
    """Keeps events in ``outbox`` and sends nothing. Gets every state of every operation."""

    def notify(self, event: OperationEvent) -> None:
        """Append ``event`` to ``outbox``."""
        outbox.append(event)
