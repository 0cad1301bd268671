"""Record the signals that an operation sends."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.dispatch import Signal

from django_rclone import signals
from django_rclone.events import OperationEvent


@dataclass
class SignalRecorder:
    """The calls of receivers of every signal, in order."""

    calls: list[tuple[str, type, dict[str, Any]]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The named signals, without ``operation_changed``."""
        return [name for name, _, _ in self.calls if name != "operation_changed"]

    @property
    def events(self) -> list[OperationEvent]:
        """The events of ``operation_changed``."""
        return [given["event"] for name, _, given in self.calls if name == "operation_changed"]

    @property
    def states(self) -> list[str]:
        """Operation and state of every event."""
        return [f"{event.operation} {event.state}" for event in self.events]

    @classmethod
    @contextmanager
    def connected(cls) -> Iterator["SignalRecorder"]:
        """Yield a recorder of every signal that is sent in the block."""
        recorder = cls()
        with ExitStack() as stack:
            for name in signals.__all__:
                receive = recorder._receiver(name)
                signal: Signal = getattr(signals, name)
                signal.connect(receive)
                stack.callback(signal.disconnect, receive)
                stack.callback(lambda kept: None, receive)
            yield recorder

    def _receiver(self, name: str) -> Any:
        def receive(sender: type, signal: Signal, **given: Any) -> None:
            self.calls.append((name, sender, given))

        return receive
