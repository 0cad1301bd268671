"""Sending an event to every channel that wants it, all at once and for a limited time."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, Self, TypeVar

from django.db import connections

from django_rclone.events import OperationEvent, State

from . import history
from .channels import Channel
from .notifications import Notification
from .secrets import describe, mask
from .transport.deadline import time_limit

Result = TypeVar("Result")

# How much of a channel's time the start of an operation and the lookup of its last
# outcome may take, so that the outcome is sent even if they hang.
_PRELIMINARY_SHARE = 0.5
# A notifier at its deadline gets these seconds to report what it was waiting for.
_GRACE_SECONDS = 0.25

_TIMED_OUT = "no answer in time"
_starts: dict[str, list["_Delivery"]] = {}
"""The deliveries of starts that may still be running, by operation id."""


def deliver_start(event: OperationEvent, channels: Sequence[Channel]) -> None:
    """Deliver the start of an operation in the background: the operation does not wait."""
    now = time.monotonic()
    notification = Notification(event=event)
    _starts[event.operation_id] = [
        _Delivery(channel, notification, now + channel.timeout * _PRELIMINARY_SHARE)
        for channel in channels
        if channel.filter.accepts(notification)
    ]


def deliver_outcome(event: OperationEvent, channels: Sequence[Channel]) -> list[str]:
    """Deliver the outcome of an operation, and return one sentence per failed delivery.

    Takes at most the longest time limit of ``channels``, including any wait for the
    start of the operation: a channel never gets an outcome before its start.
    """
    now = time.monotonic()
    starts = _starts.pop(event.operation_id, [])
    change = _change(event, channels, now)
    notification = Notification(
        event=event,
        recovered=change is history.Change.RECOVERED,
        repeated=change is history.Change.REPEATED,
    )
    outcomes = [
        _Delivery(channel, notification, now + channel.timeout, _start_for(channel, starts))
        for channel in channels
        if channel.filter.accepts(notification)
    ]
    sentences = [delivery.wait() for delivery in (*starts, *outcomes)]
    return [sentence for sentence in sentences if sentence]


class BackgroundTask(Generic[Result]):
    """Run ``action`` at once in a thread of its own that can be left behind.

    The thread is a daemon: the end of the process does not wait for it. ``action``
    must not raise.
    """

    def __init__(self, action: Callable[[], Result], *, name: str) -> None:
        self._action = action
        self._results: list[Result] = []
        self._thread = threading.Thread(
            target=self._run, name=f"django-rclone-notify: {name}", daemon=True
        )
        self._thread.start()

    def wait(self, deadline: float, *, default: Result) -> Result:
        """Return the result, or ``default`` if there is none at ``deadline``, a monotonic time."""
        self._thread.join(max(deadline - time.monotonic(), 0.0))
        return self._results[0] if self._results else default

    def _run(self) -> None:
        try:
            self._results.append(self._action())
        finally:
            # A notifier or a cache of the site may have used the database. Connections
            # belong to their thread, so nothing else could close them.
            with contextlib.suppress(Exception):
                connections.close_all()


class _Delivery:
    """One notification on its way to one channel, until ``deadline``, a monotonic time."""

    def __init__(
        self,
        channel: Channel,
        notification: Notification,
        deadline: float,
        after: Self | None = None,
    ) -> None:
        self.channel = channel
        self._notification = notification
        self._deadline = deadline
        self._after = after
        self._task: BackgroundTask[str] = BackgroundTask(self._deliver, name=channel.name)

    def wait(self) -> str:
        """Return a sentence for the operator, or nothing if the notification was delivered."""
        problem = self._outcome()
        event = self._notification.event
        delivery = f'"{self.channel.name}" was not notified that {event.operation} {event.state}'
        return f"{mask(delivery)}: {problem}" if problem else ""

    def _outcome(self) -> str:
        return self._task.wait(self._deadline, default=_TIMED_OUT)

    def _deliver(self) -> str:
        if self._after is not None:
            self._after._outcome()
        try:
            with time_limit(self._deadline - _GRACE_SECONDS - time.monotonic()):
                self.channel.build().notify(self._notification)
        # Not only Exception: nothing may escape from the thread to the terminal.
        except BaseException as error:  # noqa: BLE001
            return describe(error, self.channel.secrets)
        return ""


def _start_for(channel: Channel, starts: Sequence[_Delivery]) -> _Delivery | None:
    return next((start for start in starts if start.channel.name == channel.name), None)


def _change(event: OperationEvent, channels: Sequence[Channel], now: float) -> history.Change:
    if not channels or event.state not in (State.SUCCEEDED, State.FAILED):
        return history.Change.NONE
    lookup = BackgroundTask(partial(history.change_by, event), name="last outcome")
    shortest = min(channel.timeout for channel in channels)
    return lookup.wait(now + shortest * _PRELIMINARY_SHARE, default=history.Change.NONE)
