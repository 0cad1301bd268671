"""``manage.py pin``: keep a backup from being deleted by clean-ups."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from ...conf.limits import duration
from ..base import RcloneCommand
from ..formatting import date


class Command(RcloneCommand):
    help = "Lets no clean-up delete a backup of a database, or a run of media files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The backup or run, as listbackups shows it.")
        parser.add_argument(
            "--reason", default="", help="Says why it must stay, for whoever reads the list."
        )
        parser.add_argument(
            "--for",
            type=_span,
            dest="lasting",
            metavar="TIME",
            help="Lets the pin end after a time such as 30d: a number and m, h, d or w.",
        )

    def handle(
        self,
        *args: Any,
        name: str,
        reason: str,
        lasting: timedelta | None,
        verbosity: int,
        **options: Any,
    ) -> None:
        from ...operations.pinning import pin_backup

        pin = pin_backup(name, reason, lasting=lasting)
        until = f" until {date(pin.until)}" if pin.until else ""
        self.console(verbosity).info(f"Pinned {pin.path}{until}.")


def _span(text: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
