"""A notifier for the tests of a site."""

from ..notifications import Notice
from .base import Notifier

outbox: list[Notice] = []
"""Every notice delivered by a ``DummyNotifier`` in this process; clear it between tests."""


class DummyNotifier(Notifier):
    """Keeps notices in ``outbox`` and sends nothing. Gets every state of every operation."""

    def notify(self, notice: Notice) -> str:
        """Append ``notice`` to ``outbox``."""
        outbox.append(notice)
        return "kept in the outbox"
