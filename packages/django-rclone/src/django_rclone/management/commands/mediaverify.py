"""``manage.py mediaverify``: prove that media files can be restored."""

import re
from argparse import ArgumentTypeError
from fractions import Fraction
from typing import Any

from django.core.management.base import CommandParser

from ...backups.readings import Reading
from ..base import RcloneCommand, names_in
from ..formatting import duration
from ..media import add_at, add_sources, chosen_source, chosen_sources

_LARGEST = 1_000


class Command(RcloneCommand):
    help = (
        "Proves that media files can be restored: reads the newest whole run of each source back, "
        "all of its content or a share, and compares it with the index."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_sources(parser, "verify")
        add_at(parser)
        parser.add_argument(
            "--share",
            type=_share,
            default=Fraction(1),
            help="Reads only so much, such as 1/7, on from where the last time ended: every day, "
            "this reads everything within a week. Defaults to everything.",
        )

    def handle(
        self,
        *args: Any,
        source: str | list[str] | None,
        at: str | None,
        share: Fraction | str,
        verbosity: int,
        **options: Any,
    ) -> None:
        from ...operations.media.verify import verify_media, verify_sources

        console = self.console(verbosity)
        # call_command() may be given a plain string.
        part = _share(share) if isinstance(share, str) else share
        if at is None:
            sources = chosen_sources(source)
            records = verify_sources(sources, share=part, sender=type(self), console=console)
        else:
            names = names_in(source)
            one = chosen_source(names[0] if len(names) == 1 else None)
            record = verify_media(one.name, at=at, share=part, sender=type(self), console=console)
            records = [record]
        for record in records:
            console.info(_line(record))


def _line(record: Reading) -> str:
    return f"Read {record.path} in {duration(record.duration)}: {', '.join(record.compared)}."


def _share(text: str) -> Fraction:
    """Return a share of everything. Raises ``ArgumentTypeError``."""
    match = re.fullmatch(r"1/([1-9][0-9]{0,3})", text.strip())
    if match is None or int(match[1]) > _LARGEST:
        raise ArgumentTypeError(f"must be a share such as 1/7, at least 1/{_LARGEST}")
    return Fraction(1, int(match[1]))
