"""Reports to observers what an operation does. The only sender of signals."""

import logging
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType

from django.dispatch import Signal

from . import signals
from .console import Console
from .events import MediaCounts, Operation, OperationEvent, ReceiverWarnings, State, TargetState
from .exceptions import MESSAGE_LIMIT, DjangoRcloneError, OperationVetoed
from .interrupts import interruptible
from .redaction import redact

logger = logging.getLogger(__name__)

Sender = type


@dataclass(frozen=True, slots=True)
class _Hooks:
    """The named signals around one operation, and the fields of its event that they carry."""

    pre: str
    pre_carries: tuple[str, ...]
    post: str
    post_carries: tuple[str, ...]


_HOOKS = {
    Operation.DB_BACKUP: _Hooks(
        "pre_db_backup", ("database",), "post_db_backup", ("database", "path")
    ),
    Operation.DB_RESTORE: _Hooks(
        "pre_db_restore", ("database", "path"), "post_db_restore", ("database",)
    ),
    Operation.DB_VERIFY: _Hooks(
        "pre_verify", ("database", "path"), "post_verify", ("database", "path")
    ),
    Operation.MEDIA_VERIFY: _Hooks(
        "pre_verify", ("database", "path"), "post_verify", ("database", "path")
    ),
    Operation.MEDIA_BACKUP: _Hooks("pre_media_backup", (), "post_media_backup", ()),
    Operation.MEDIA_RESTORE: _Hooks("pre_media_restore", (), "post_media_restore", ()),
}


def new_operation(
    operation: Operation,
    *,
    environment: str,
    database: str | None = None,
    path: str | None = None,
    started_at: datetime | None = None,
) -> OperationEvent:
    """Return the first event of a new operation, started now by default. Nothing is sent yet."""
    return OperationEvent(
        operation_id=str(uuid.uuid4()),
        operation=operation,
        state=State.STARTED,
        environment=environment,
        host=socket.gethostname(),
        started_at=started_at or datetime.now(UTC),
        database=database,
        path=path,
    )


class OperationContext:
    """A running operation: what it learns for its final event."""

    def __init__(self, event: OperationEvent, sender: Sender) -> None:
        self._event = event
        self._sender = sender
        self.path = event.path
        """The backup's path; a retried backup ends with another one than it began with."""
        self.size: int | None = None
        """Bytes stored or restored."""
        self.counts: MediaCounts | None = None
        """Media: how many files it was about."""
        self.sent: int | None = None
        """Media: bytes sent."""
        self.target_state: TargetState | None = None
        """Restores: what became of the live data."""

    def send_pre_signal(self) -> None:
        """Send the ``pre_*`` signal. Raises ``OperationVetoed`` when a receiver raises."""
        hooks = _HOOKS[self._event.operation]
        signal: Signal = getattr(signals, hooks.pre)
        try:
            with interruptible():
                signal.send(self._sender, **_signal_kwargs(self._event, hooks.pre_carries))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is raised is a veto
            receiver = _raising_receiver(error.__traceback__)
            # Not chained: a traceback would show the receiver's own words with their secrets.
            raise OperationVetoed(
                f"{receiver}, a receiver of {hooks.pre}, refused: {_describe(error)}"
            ) from None


@contextmanager
def report(
    event: OperationEvent, *, sender: Sender, console: Console
) -> Iterator[OperationContext]:
    """Report to observers that an operation started, and how it ended: exactly once.

    Whatever ends the block counts, Ctrl-C and SIGTERM too. Observers cannot
    change the outcome: one that raises is logged and shown as a warning.
    """
    context = OperationContext(event, sender)
    clock = time.monotonic()
    what = f"{event.operation} of {event.database!r}" if event.database else str(event.operation)
    logger.info("%s started", what)
    try:
        _send_event(event, sender, console)
        yield context
    except BaseException as error:
        console.end_progress()
        failed = _final_event(event, context, State.FAILED, clock)
        ours = error if isinstance(error, DjangoRcloneError) else None
        failed = replace(
            failed,
            error_type=type(error).__name__,
            error_message=_presentable(ours.message) if ours else _describe(error),
            error_hint=(_presentable(ours.hint) if ours else "") or None,
        )
        logger.error("%s failed: %s", what, failed.error_message)
        _send_event(failed, sender, console)
        raise
    console.end_progress()
    succeeded = _final_event(event, context, State.SUCCEEDED, clock)
    logger.info("%s succeeded in %.1f s", what, succeeded.duration)
    _send_event(succeeded, sender, console)
    if hooks := _HOOKS.get(event.operation):
        _send(hooks.post, sender, console, **_signal_kwargs(succeeded, hooks.post_carries))


def _final_event(
    event: OperationEvent, context: OperationContext, state: State, clock: float
) -> OperationEvent:
    final = replace(
        event,
        state=state,
        duration=time.monotonic() - clock,
        path=context.path,
        size=context.size,
        sent=context.sent,
        target_state=context.target_state,
    )
    return replace(final, **context.counts._asdict()) if context.counts else final


def _send_event(event: OperationEvent, sender: Sender, console: Console) -> None:
    _send("operation_changed", sender, console, event=event)


def _send(name: str, sender: Sender, console: Console, **arguments: object) -> None:
    signal: Signal = getattr(signals, name)
    try:
        # The outcome is reported even while a signal is pending; the next one may end this.
        with interruptible(raise_pending=False):
            outcomes = signal.send_robust(sender, **arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an observer never breaks a backup
        # A receiver called sys.exit(), or is not a function: send_robust() cannot name it.
        _warn(f"A receiver of {name} raised {type(error).__name__}: {_describe(error)}", console)
        return
    for receiver, outcome in outcomes:
        if isinstance(outcome, Exception):
            who = f"{receiver.__module__}.{receiver.__qualname__}"
            _warn(f"{who}, a receiver of {name}, raised {_describe(outcome)}", console)
        elif isinstance(outcome, ReceiverWarnings):
            for sentence in outcome:
                console.warn(redact(sentence))


def _warn(text: str, console: Console) -> None:
    logger.warning("%s", text)
    console.warn(text)


def _signal_kwargs(event: OperationEvent, names: tuple[str, ...]) -> Mapping[str, object]:
    return {name: getattr(event, name) for name in names}


def _describe(error: BaseException) -> str:
    """Return what an error says; for ours that includes the hint."""
    return _presentable(str(error)) or type(error).__name__


def _presentable(text: str) -> str:
    """Return ``text`` without secrets, and of limited length."""
    shown = redact(text)
    return shown if len(shown) <= MESSAGE_LIMIT else shown[: MESSAGE_LIMIT - 1] + "…"


def _raising_receiver(traceback: TracebackType | None) -> str:
    """Name the receiver that raised: the first function that Django's dispatcher called.

    ``send_robust()`` would name it, but would also run the receivers after a veto.
    """
    dispatched = False
    while traceback is not None:
        frame = traceback.tb_frame
        module = str(frame.f_globals.get("__name__", ""))
        if module == "django.dispatch.dispatcher":
            dispatched = True
        elif dispatched:
            return f"{module}.{frame.f_code.co_qualname}"
        traceback = traceback.tb_next
    return "A receiver"
