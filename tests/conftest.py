"""Fixtures of the whole test run."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.dispatch import Signal
from pytest_django import DjangoDbBlocker

from django_rclone import signals
from django_rclone.events import OperationEvent
from tests.support.site import Site

pytest_plugins = ["tests.faults.report"]


@pytest.fixture
def site(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    """A site of the test's own. Its databases are real files: nothing is rolled back."""
    folder = tmp_path / "site"
    folder.mkdir()
    site = Site(folder)
    with django_db_blocker.unblock(), site.active():
        yield site


@pytest.fixture
def database_access(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Leave for classes that bring databases of their own."""
    with django_db_blocker.unblock():
        yield


@dataclass
class Heard:
    """What receivers of every signal were told, in order."""

    calls: list[tuple[str, type, dict[str, Any]]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The named signals, without ``operation_changed``."""
        return [name for name, _, _ in self.calls if name != "operation_changed"]

    @property
    def events(self) -> list[OperationEvent]:
        """The events of ``operation_changed``."""
        return [said["event"] for name, _, said in self.calls if name == "operation_changed"]

    @property
    def states(self) -> list[str]:
        """Operation and state of every event."""
        return [f"{event.operation} {event.state}" for event in self.events]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Receivers of all signals, which write down what they are told."""
    heard = Heard()
    connected: list[tuple[Signal, Any]] = []
    for name in signals.__all__:

        def receive(sender: type, _name: str = name, **said: Any) -> None:
            said.pop("signal")
            heard.calls.append((_name, sender, said))

        signal = getattr(signals, name)
        signal.connect(receive, weak=False)
        connected.append((signal, receive))
    yield heard
    for signal, receive in connected:
        signal.disconnect(receive)
