"""``manage.py notifytest``: tests the notifications before the first failure does."""

import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from django_rclone.events import Operation, OperationEvent, State

from ... import conf, history
from ...channels import Channel
from ...exceptions import InvalidNotifySettings, MissingExtra, NotifierError
from ...notifications import Notification, NotificationState
from ...options import suggestion
from ...receivers import connected
from ...secrets import describe, mask
from ...transport.deadline import time_limit


class Command(BaseCommand):
    """Sends a sample to channels, regardless of their filters, and reports on each."""

    help = (
        "Sends a sample, marked TEST, to all channels or to the given ones, regardless of "
        "their filters. The services treat it as real: a check at healthchecks.io changes "
        "its state. Exits with 1 if any channel failed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the aliases and ``--state``."""
        parser.add_argument(
            "aliases",
            nargs="*",
            metavar="ALIAS",
            help="Names the channels to test. Defaults to all of them.",
        )
        parser.add_argument(
            "--state",
            choices=[str(state) for state in NotificationState],
            default=str(NotificationState.SUCCEEDED),
            help="Sets the state of the sample. Defaults to %(default)s.",
        )

    def handle(self, *_args: Any, aliases: list[str], state: str, **_options: Any) -> None:
        """Send, print one line per channel, and raise ``CommandError`` if any failed."""
        failed = [alias for alias in _selected(aliases) if not self._send(alias, state)]
        if failed:
            raise CommandError(f"Not delivered to: {', '.join(failed)}")

    def _send(self, alias: str, state: str) -> bool:
        secrets: tuple[str, ...] = ()
        try:
            channel = _channel(alias)
            secrets = channel.secrets
            notifier = channel.build()
            with time_limit(channel.timeout):
                answer = notifier.notify(sample(state))
        # One broken channel must not keep the others from being tested.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            self.stderr.write(self.style.ERROR(f"{alias}: failed: {describe(error, secrets)}"))
            self.stderr.write(f"  {_advice(error)}")
            return False
        name = type(notifier).__name__
        shown = mask(str(answer), secrets) if answer else "no answer"
        self.stdout.write(self.style.SUCCESS(f'{alias}: {name} sent "{state}": {shown}'))
        for remark in _remarks(channel, state):
            self.stdout.write(f"  {remark}")
        return True


def sample(state: str) -> Notification:
    """Return a notification with ``state``, one of ``NotificationState``, marked as a test."""
    recovered = state == NotificationState.RECOVERED
    failed = state == NotificationState.FAILED
    event = OperationEvent(
        operation_id=str(uuid.uuid4()),
        operation=Operation.DB_BACKUP,
        state=State.SUCCEEDED if recovered else State(state),
        environment="TEST",
        host=socket.gethostname(),
        database="notifytest",
        path="this-is-a-test/no-backup-ran",
        started_at=timezone.now(),
        duration=None if state == NotificationState.STARTED else 0.0,
        size=None,
        error_type="NotifyTest" if failed else None,
        error_message="This is a test. No backup ran, and nothing failed." if failed else None,
        error_hint="There is nothing to do." if failed else None,
    )
    return Notification(event=event, recovered=recovered)


def _remarks(channel: Channel, state: str) -> Iterator[str]:
    """Yield what keeps real notifications from this channel: that of the site, not of the sample."""
    wanted = channel.filter
    database = next(iter(wanted.databases), None) if wanted.databases else "default"
    real = replace(sample(state).event, environment=conf.environment(), database=database)
    if not wanted.accepts(Notification(event=real, recovered=sample(state).recovered)):
        yield "Its filters would exclude a real notification like this one."
    if wanted.wants_recoveries_alone() and not history.is_persistent():
        yield (
            "It would not learn of recoveries: the default cache forgets the failure when a "
            "command ends. Set CACHES to a persistent cache, such as Redis, files or the database."
        )


def _advice(error: BaseException) -> str:
    if isinstance(error, (InvalidNotifySettings, MissingExtra)):
        return 'Fix it; "manage.py check" lists all mistakes at once.'
    if not isinstance(error, NotifierError):
        return "This looks like a bug in the notifier: run its tests."
    if error.permanent:
        return "Retrying will not help: change the channel's OPTIONS, or the service."
    return "Is the service up, and can this machine reach it? Then try again."


def _channel(name: str) -> Channel:
    in_code = [channel for channel in connected() if channel.name == name]
    return in_code[0] if in_code else conf.read_channel(name)


def _selected(names: list[str]) -> tuple[str, ...]:
    try:
        known = (*conf.aliases(), *(channel.name for channel in connected()))
    except InvalidNotifySettings as error:
        raise CommandError(describe(error)) from error
    if not known:
        raise CommandError(f"No channels to test: {conf.NAME} is empty")
    for name in names:
        if name not in known:
            raise CommandError(f'Unknown channel "{name}". {suggestion(name, known)}')
    return tuple(dict.fromkeys(names or known))
