"""The one receiver of the package, and the channels that are connected by hand."""

import contextlib
import logging
from collections.abc import Callable, Collection

from django.conf import settings

from django_rclone.events import OperationEvent, ReceiverWarnings, State
from django_rclone.signals import operation_changed

from . import conf
from . import dispatch as delivery
from .channels import Channel
from .filters import Filter
from .notifiers.base import EVERY_OPERATION, EVERY_STATE, Notifier
from .redaction import masked, told
from .transport.deadline import DEFAULT_SECONDS
from .words import read_words

logger = logging.getLogger("django_rclone_notify")

_connected: list[Channel] = []


def deliver(sender: object, event: OperationEvent, **_kwargs: object) -> ReceiverWarnings:
    """Deliver ``event`` to the channels of the settings and to those connected by hand.

    Nothing is raised: what goes wrong, in the configuration too, is one warning
    per channel, in the log ``django_rclone_notify`` and for the operator. Ctrl-C
    and the like still stop the process.
    """
    try:
        channels, sentences = _channels()
        if event.state == State.STARTED:
            # Whatever the outcome will have to complain of is told then, once.
            delivery.begin(event, channels)
            return ReceiverWarnings()
        sentences += delivery.finish(event, channels)
    except Exception as error:  # noqa: BLE001 - an observer never breaks a backup
        sentences = [f"No notification was sent: {told(error)}"]
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
    """Let ``notifier`` hear of operations, without an entry in the settings.

    Call it in ``AppConfig.ready()``. The filters mean what the keys of
    ``DJANGO_RCLONE_NOTIFY`` mean; ``timeout`` is in seconds; ``name`` is how
    warnings call the channel, by default after the notifier's class. Returns a
    function that disconnects it again.

    Raises ``InvalidNotifySettings`` when a filter holds an unknown word.
    """
    channel = Channel(
        name=name or type(notifier).__name__,
        build=lambda: notifier,
        filter=Filter(
            states=_words("states", states, EVERY_STATE) or notifier.default_states,
            operations=_words("operations", operations, EVERY_OPERATION)
            or notifier.default_operations,
            databases=_words("databases", databases, frozenset(settings.DATABASES)),
            environments=_words("environments", environments, None),
        ),
        timeout=conf.read_timeout(timeout, "connect(timeout=...)"),
    )
    _connected.append(channel)
    listen()
    return lambda: _connected.remove(channel)


def connected() -> tuple[Channel, ...]:
    """Return the channels that were connected by hand."""
    return tuple(_connected)


def listen() -> None:
    """Connect ``deliver`` to every state of every operation; a second call changes nothing."""
    operation_changed.connect(deliver, dispatch_uid="django_rclone_notify.deliver")


def _channels() -> tuple[list[Channel], list[str]]:
    channels, sentences = list(_connected), []
    try:
        aliases = conf.aliases()
    except Exception as error:  # noqa: BLE001 - settings may be anything
        return channels, [f"No channel of the settings was notified: {told(error)}"]
    for alias in aliases:
        try:
            channels.append(conf.read_channel(alias))
        except Exception as error:  # noqa: BLE001
            sentences.append(f'"{masked(alias)}" was not notified: {told(error)}')
    return channels, sentences


def _words(
    name: str, value: Collection[str] | None, known: frozenset[str] | None
) -> frozenset[str] | None:
    return None if value is None else read_words(value, f"connect({name}=...)", known)
