"""The one receiver of the package, and the channels connected in code."""

import contextlib
import logging
from collections.abc import Callable, Collection

from django.conf import settings

from django_rclone.events import OperationEvent, ReceiverWarnings, State
from django_rclone.signals import operation_changed

from . import conf, dispatch
from .channels import Channel, Filter
from .notifiers.base import ALL_OPERATIONS, ALL_STATES, Notifier
from .options import read_choices
from .secrets import describe, mask
from .transport.deadline import DEFAULT_SECONDS

logger = logging.getLogger("django_rclone_notify")

_connected: list[Channel] = []


def deliver(sender: object, event: OperationEvent, **_kwargs: object) -> ReceiverWarnings:
    """Deliver ``event`` to the channels of the settings and to those connected in code.

    Nothing is raised: each failure, including a wrong configuration, becomes one
    warning per channel, in the log ``django_rclone_notify`` and for the operator.
    Ctrl-C and similar interrupts still stop the process.
    """
    try:
        channels, sentences = _all_channels()
        if event.state == State.STARTED:
            # The outcome will report the broken channels, so they are reported once.
            dispatch.deliver_start(event, channels)
            return ReceiverWarnings()
        sentences += dispatch.deliver_outcome(event, channels)
    except Exception as error:  # noqa: BLE001 - an observer never breaks a backup
        sentences = [f"No notification was sent: {describe(error)}"]
    for sentence in sentences:
        # A log handler of the site may raise as well.
        with contextlib.suppress(Exception):
            logger.warning("%s", sentence)
    return ReceiverWarnings(sentences)


def connect(
    notifier: Notifier,
    *,
    states: Collection[str] | None = None,
    operations: Collection[str] | None = None,
    databases: Collection[str] | None = None,
    environments: Collection[str] | None = None,
    timeout: float = DEFAULT_SECONDS,
    name: str = "",
) -> Callable[[], None]:
    """Connect ``notifier`` to the operations, without an entry in the settings.

    Call it in ``AppConfig.ready()``. The filters mean the same as the keys of
    ``DJANGO_RCLONE_NOTIFY``; ``timeout`` is in seconds; ``name`` is the channel's
    name in warnings, by default that of the notifier's class. Returns a function
    that disconnects the notifier.

    Raises ``InvalidNotifySettings`` if a filter contains an unknown value.
    """
    channel = Channel(
        name=name or type(notifier).__name__,
        build=lambda: notifier,
        filter=Filter(
            states=_choices("states", states, ALL_STATES) or notifier.default_states,
            operations=_choices("operations", operations, ALL_OPERATIONS)
            or notifier.default_operations,
            databases=_choices("databases", databases, frozenset(settings.DATABASES)),
            environments=_choices("environments", environments, None),
        ),
        timeout=conf.read_timeout(timeout, "connect(timeout=...)"),
    )
    _connected.append(channel)
    connect_receiver()
    return lambda: _connected.remove(channel)


def connected() -> tuple[Channel, ...]:
    """Return the channels connected in code."""
    return tuple(_connected)


def connect_receiver() -> None:
    """Connect ``deliver`` to every state of every operation; repeated calls do nothing."""
    operation_changed.connect(deliver, dispatch_uid="django_rclone_notify.deliver")


def _all_channels() -> tuple[list[Channel], list[str]]:
    channels, sentences = list(_connected), []
    try:
        aliases = conf.aliases()
    except Exception as error:  # noqa: BLE001 - settings may be anything
        return channels, [f"No channel of the settings was notified: {describe(error)}"]
    for alias in aliases:
        try:
            channels.append(conf.read_channel(alias))
        except Exception as error:  # noqa: BLE001
            sentences.append(f'"{mask(alias)}" was not notified: {describe(error)}')
    return channels, sentences


def _choices(
    name: str, value: Collection[str] | None, choices: frozenset[str] | None
) -> frozenset[str] | None:
    return None if value is None else read_choices(value, f"connect({name}=...)", choices)
