"""Handing an event to every channel that wants it, all at once and for a limited time."""

import time
from collections.abc import Sequence
from functools import partial

from django_rclone.events import OperationEvent, State

from . import history
from .channels import Channel
from .errands import Errand
from .notifications import Notice
from .redaction import masked, told
from .transport.deadline import limited_to

# Of the time of a channel: what is spent on looking at the last outcome, what a start
# may take when the operation is over at once, and what is left for a notifier, so that
# it can say itself what it was waiting for.
_FOR_HISTORY = 0.25
_FOR_START = 0.5
_FOR_NOTIFIER = 0.95

_LATE = "no answer in time"
_starts: dict[str, list["_Delivery"]] = {}
"""The deliveries of starts that may still run, by operation."""


def begin(event: OperationEvent, channels: Sequence[Channel]) -> None:
    """Deliver the start of an operation in the background: the operation does not wait."""
    now = time.monotonic()
    notice = Notice(event=event)
    _starts[event.operation_id] = [
        _Delivery(channel, notice, now + channel.timeout * _FOR_START)
        for channel in channels
        if channel.filter.accepts(notice)
    ]


def finish(event: OperationEvent, channels: Sequence[Channel]) -> list[str]:
    """Deliver the outcome of an operation, and return one sentence per failed delivery.

    It takes no longer than the longest time limit among ``channels``, what is
    left of the operation's start included. A channel hears of the start first.
    """
    now = time.monotonic()
    starts = _starts.pop(event.operation_id, [])
    notice = Notice(event=event, recovered=_is_recovery(event, channels, now))
    outcomes = [
        _Delivery(channel, notice, now + channel.timeout, after=_of(channel, starts))
        for channel in channels
        if channel.filter.accepts(notice)
    ]
    sentences = [delivery.complaint() for delivery in (*starts, *outcomes)]
    return [sentence for sentence in sentences if sentence]


class _Delivery:
    """One notice on its way to one channel."""

    def __init__(
        self,
        channel: Channel,
        notice: Notice,
        deadline: float,
        *,
        after: "_Delivery | None" = None,
    ) -> None:
        self.channel = channel
        self._notice = notice
        self._deadline = deadline
        self._after = after
        self._errand: Errand[str] = Errand(self._deliver, name=channel.name)

    def complaint(self) -> str:
        """Wait, and return what the operator should know; nothing if the notice arrived."""
        problem = self._errand.wait(self._deadline, otherwise=_LATE)
        event = self._notice.event
        what = f'"{self.channel.name}" was not notified that {event.operation} {event.state}'
        return f"{masked(what)}: {problem}" if problem else ""

    def _deliver(self) -> str:
        if self._after is not None:
            self._after._errand.wait(self._after._deadline, otherwise=_LATE)
        try:
            left = self._deadline - time.monotonic()
            with limited_to(left * _FOR_NOTIFIER):
                self.channel.build().notify(self._notice)
        # Not SystemExit alone: nothing may leave the thread and end up on the terminal.
        except BaseException as error:  # noqa: BLE001
            return told(error, self.channel.secrets)
        return ""


def _of(channel: Channel, starts: Sequence[_Delivery]) -> _Delivery | None:
    return next((start for start in starts if start.channel.name == channel.name), None)


def _is_recovery(event: OperationEvent, channels: Sequence[Channel], now: float) -> bool:
    if not channels or event.state not in (State.SUCCEEDED, State.FAILED):
        return False
    look = Errand(partial(history.is_recovery, event), name="last outcome")
    shortest = min(channel.timeout for channel in channels)
    return look.wait(now + shortest * _FOR_HISTORY, otherwise=False)
