"""Notifiers as a site may write them, most of them badly."""

import threading
from typing import ClassVar

from django.db import connection

from django_rclone_notify.notifications import Notice
from django_rclone_notify.notifiers.base import Notifier

BOOM: list[BaseException] = []


class FakeRaising(Notifier):
    """Raises what the test put into ``BOOM``."""

    def __init__(self, *, token: str = "") -> None:
        self.token = token

    def notify(self, notice: Notice) -> str:
        raise BOOM[-1]


class FakeUnbuildable(Notifier):
    def __init__(self) -> None:
        raise RuntimeError("https://secret.example/constructor")


class FakeSlow(Notifier):
    """Answers when the test says so."""

    may_answer = threading.Event()
    delivered: ClassVar[list[str]] = []

    def notify(self, notice: Notice) -> str:
        self.may_answer.wait()
        self.delivered.append(notice.state)
        return "at last"


class FakeDatabaseUser(Notifier):
    """Reads from the database of the site in its own thread."""

    def notify(self, notice: Notice) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return f"answered {cursor.fetchone()[0]}"


class FakeUnfinished(Notifier):
    """Implements nothing."""


class FakeStranger:
    """Derives from nothing."""
