import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from django_rclone.events import ReceiverWarnings
from django_rclone.signals import operation_changed
from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers import dummy
from django_rclone_notify.transport import retry
from tests.notify.endpoints import Endpoint
from tests.notify.services import Service
from tests.support.http_server import LoopbackServer


class Log:
    """The log: the warnings of the package, and the text of everything."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def warnings(self) -> list[str]:
        return [
            record.getMessage()
            for record in self._caplog.records
            if record.name == "django_rclone_notify" and record.levelno >= logging.WARNING
        ]

    @property
    def records(self) -> list[logging.LogRecord]:
        return self._caplog.records

    @property
    def everything(self) -> str:
        return self._caplog.text


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def endpoint(service: Service, tmp_path: Path) -> Iterator[Endpoint]:
    """The endpoint of ``service``."""
    with service.open(tmp_path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def no_proxy_and_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    caplog.set_level(logging.DEBUG)
    return Log(caplog)


@pytest.fixture
def outbox() -> Iterator[list[Notification]]:
    dummy.outbox.clear()
    yield dummy.outbox
    dummy.outbox.clear()


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    def apply(**channels: Any) -> None:
        settings.DJANGO_RCLONE_NOTIFY = channels

    return apply


def wait_for_deliveries() -> None:
    """Wait for the deliveries in the background."""
    for thread in threading.enumerate():
        if thread.name.startswith("django-rclone-notify"):
            thread.join()


@pytest.fixture
def send() -> Callable[..., list[str]]:
    """Send events as django-rclone does, fail if the receiver raised, return its warnings."""

    def dispatch(*events: Any) -> list[str]:
        warnings: list[str] = []
        for event in events:
            outcomes = operation_changed.send_robust(sender=object, event=event)
            assert [error for _, error in outcomes if isinstance(error, Exception)] == []
            found = [warned for _, warned in outcomes if isinstance(warned, ReceiverWarnings)]
            warnings += [text for warned in found for text in warned]
            if getattr(event, "state", "") == "started":
                wait_for_deliveries()
        return warnings

    return dispatch
