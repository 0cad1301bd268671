"""Notifiers as a site may write them, most of them badly."""

from django_rclone.events import OperationEvent
from django_rclone_notify.exceptions import NotifierError
from django_rclone_notify.notifiers.base import Notifier

BOOM: list[BaseException] = []


class FakeRaising(Notifier):
    """Raises what the test put into ``BOOM``."""

    def __init__(self, *, token: str = "") -> None:
        self.token = token

    def notify(self, event: OperationEvent) -> None:
        raise BOOM[-1]


class FakeUnbuildable(Notifier):
    def __init__(self) -> None:
        raise RuntimeError("https://secret.example/constructor")


class FakePicky(Notifier):
    """Wants large backups only."""

    def wants(self, event: OperationEvent) -> bool:
        return (event.size or 0) > 1_000_000

    def notify(self, event: OperationEvent) -> None:
        raise NotifierError(f"was asked for {event.size}")


class FakeUnfinished(Notifier):
    """Implements nothing."""


class FakeStranger:
    """Derives from nothing."""
