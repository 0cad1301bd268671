"""Notifiers of a site, most of them broken."""

import threading
from typing import ClassVar

from django.db import connection

from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers.base import Notifier

ERRORS: list[BaseException] = []


class FakeRaising(Notifier):
    """Raises the last exception in ``ERRORS``."""

    def __init__(self, *, token: str = "") -> None:
        self.token = token

    def notify(self, notification: Notification) -> str:
        raise ERRORS[-1]


class FakeUnbuildable(Notifier):
    def __init__(self) -> None:
        raise RuntimeError("https://secret.example/constructor")


class FakeSlow(Notifier):
    """Answers once ``may_answer`` is set."""

    may_answer = threading.Event()
    delivered: ClassVar[list[str]] = []

    def notify(self, notification: Notification) -> str:
        self.may_answer.wait()
        self.delivered.append(notification.state)
        return "at last"


class FakeDatabaseUser(Notifier):
    """Queries the site's database in the thread of the delivery."""

    def notify(self, notification: Notification) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return f"answered {cursor.fetchone()[0]}"


class FakeUnfinished(Notifier):
    """Does not implement ``notify()``."""


class FakeNotDerived:
    """Is not a ``Notifier``."""
