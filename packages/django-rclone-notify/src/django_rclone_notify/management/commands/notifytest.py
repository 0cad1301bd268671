"""``manage.py notifytest``: try the notifications before the first failure does."""

import socket
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from django_rclone.events import Operation, OperationEvent, State
from django_rclone_notify import conf, words
from django_rclone_notify.exceptions import InvalidNotifySettings
from django_rclone_notify.notices import Notice
from django_rclone_notify.redaction import told


class Command(BaseCommand):
    """Sends a sample event to channels, whatever their filters say, and reports on each."""

    help = (
        "Send a sample event, marked TEST, to every channel of DJANGO_RCLONE_NOTIFY or to the "
        "given ones, whatever their filters say. The services take it for real: a check at "
        "healthchecks.io changes its state. Exits with 1 if any channel failed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the aliases and ``--state``."""
        parser.add_argument("aliases", nargs="*", metavar="ALIAS", help="channels; all by default")
        parser.add_argument(
            "--state",
            choices=[str(state) for state in State],
            default=str(State.SUCCEEDED),
            help="what the sample event tells (default: %(default)s)",
        )

    def handle(self, *_args: Any, aliases: list[str], state: str, **_options: Any) -> None:
        """Send, print one line per channel, and raise ``CommandError`` if any failed."""
        event = sample_event(State(state))
        failed = [alias for alias in _chosen(aliases) if not self._send(alias, event)]
        if failed:
            raise CommandError(f"Not delivered to: {', '.join(failed)}")

    def _send(self, alias: str, event: OperationEvent) -> bool:
        secrets: list[str] = []
        try:
            channel = conf.read_channel(alias)
            secrets = [*channel.secrets]
            notifier = channel.build()
            notifier.notify(Notice(event=event))
        # One broken channel must not keep the others from being tested.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            self.stderr.write(self.style.ERROR(f"{alias}: failed: {told(error, secrets)}"))
            return False
        name = type(notifier).__name__
        self.stdout.write(self.style.SUCCESS(f"{alias}: delivered by {name}"))
        return True


def sample_event(state: State) -> OperationEvent:
    """Return an event that nobody takes for a real backup."""
    failed = state == State.FAILED
    return OperationEvent(
        operation_id=str(uuid.uuid4()),
        operation=Operation.DB_BACKUP,
        state=state,
        environment="TEST",
        host=socket.gethostname(),
        database="notifytest",
        path="this-is-a-test/no-backup-ran",
        started_at=timezone.now(),
        duration=None if state == State.STARTED else 0.0,
        size=None,
        error_type="NotifyTest" if failed else None,
        error_message="This is a test. No backup ran, and nothing failed." if failed else None,
    )


def _chosen(wanted: list[str]) -> tuple[str, ...]:
    try:
        known = conf.aliases()
    except InvalidNotifySettings as error:
        raise CommandError(told(error)) from error
    if not known:
        raise CommandError(f"{conf.NAME} names no channel: there is nothing to test")
    for alias in wanted:
        if alias not in known:
            raise CommandError(f'No channel "{alias}". {words.suggestion(alias, known)}')
    return tuple(dict.fromkeys(wanted)) or known
