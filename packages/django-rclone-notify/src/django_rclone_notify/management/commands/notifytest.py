"""``manage.py notifytest``: try the notifications before the first failure does."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import conf, words
from ...channels import Channel
from ...exceptions import InvalidNotifySettings, MissingExtra, NotifierError
from ...notifications import NoticeState
from ...receivers import connected
from ...redaction import masked, told
from ...transport.deadline import limited_to
from ..samples import sample


class Command(BaseCommand):
    """Sends a sample to channels, whatever their filters say, and reports on each."""

    help = (
        "Send a sample, marked TEST, to every channel or to the given ones, whatever their "
        "filters say. The services take it for real: a check at healthchecks.io changes its "
        "state. Exits with 1 if any channel failed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the aliases and ``--state``."""
        parser.add_argument("aliases", nargs="*", metavar="ALIAS", help="channels; all by default")
        parser.add_argument(
            "--state",
            choices=[str(state) for state in NoticeState],
            default=str(NoticeState.SUCCEEDED),
            help="what the sample tells (default: %(default)s)",
        )

    def handle(self, *_args: Any, aliases: list[str], state: str, **_options: Any) -> None:
        """Send, print one line per channel, and raise ``CommandError`` if any failed."""
        failed = [alias for alias in _chosen(aliases) if not self._send(alias, state)]
        if failed:
            raise CommandError(f"Not delivered to: {', '.join(failed)}")

    def _send(self, alias: str, state: str) -> bool:
        secrets: tuple[str, ...] = ()
        try:
            channel = _channel(alias)
            secrets = channel.secrets
            notifier = channel.build()
            with limited_to(channel.timeout):
                answer = notifier.notify(sample(state))
        # One broken channel must not keep the others from being tested.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            self.stderr.write(self.style.ERROR(f"{alias}: failed: {told(error, secrets)}"))
            self.stderr.write(f"  {_advice(error)}")
            return False
        name = type(notifier).__name__
        shown = masked(str(answer), secrets) if answer else "no answer"
        self.stdout.write(self.style.SUCCESS(f'{alias}: {name} sent "{state}": {shown}'))
        if not channel.filter.accepts(sample(state)):
            self.stdout.write("  Its filters would not send this one for a real operation.")
        return True


def _advice(error: BaseException) -> str:
    if isinstance(error, (InvalidNotifySettings, MissingExtra)):
        return 'Mend that; "manage.py check" shows all mistakes at once.'
    if not isinstance(error, NotifierError):
        return "That is a fault of the notifier: run its tests."
    if error.permanent:
        return "Trying again will not help: change the channel's OPTIONS, or the service."
    return "Is the service up, and does this machine reach it? Then try again."


def _channel(name: str) -> Channel:
    by_hand = [channel for channel in connected() if channel.name == name]
    return by_hand[0] if by_hand else conf.read_channel(name)


def _chosen(wanted: list[str]) -> tuple[str, ...]:
    try:
        known = (*conf.aliases(), *(channel.name for channel in connected()))
    except InvalidNotifySettings as error:
        raise CommandError(told(error)) from error
    if not known:
        raise CommandError(f"{conf.NAME} names no channel: there is nothing to test")
    for name in wanted:
        if name not in known:
            raise CommandError(f'No channel "{name}". {words.suggestion(name, known)}')
    return tuple(dict.fromkeys(wanted or known))
