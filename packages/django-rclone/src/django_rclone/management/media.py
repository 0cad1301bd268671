"""What the commands for media share: the choice of sources."""

import argparse

from django.core.management.base import CommandError

from .. import conf
from ..conf.media_sources import MediaSource
from .base import EXIT_USAGE, names_in


def add_sources(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--source``, which may be given several times."""
    parser.add_argument(
        "-s",
        "--source",
        action="append",
        metavar="NAME",
        help=f"Nominates a source in MEDIA_SOURCES to {what}; may be given several times. "
        "Defaults to all of them.",
    )


def add_source(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--source`` for one."""
    parser.add_argument(
        "-s",
        "--source",
        metavar="NAME",
        help=f"Nominates the source in MEDIA_SOURCES to {what}. Required if there are several.",
    )


def add_at(parser: argparse._ActionsContainer) -> None:
    """Add ``--at``, which chooses a run."""
    parser.add_argument(
        "--at",
        metavar="RUN",
        help="Names the run, as listbackups --media shows it; or a moment in UTC such as "
        "2026-01-31T03:00, for the newest run until then. Defaults to the newest whole run.",
    )


def add_extra_files(parser: argparse.ArgumentParser) -> None:
    """Add what becomes of files that the run lacks: ``--delete``, ``--keep`` and ``--force``."""
    extra = parser.add_mutually_exclusive_group()
    extra.add_argument(
        "--delete",
        action="store_true",
        help="Deletes files that the run lacks, and whatever is in the way.",
    )
    extra.add_argument(
        "--keep",
        action="store_false",
        dest="delete",
        help="Keeps files that the run lacks. This is the default.",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="Proceeds even if --delete would delete more files than MEDIA_MAX_DELETE allows.",
    )


def chosen_sources(names: str | list[str] | None) -> list[MediaSource]:
    """Return the sources of these names, or all. Raises ``CommandError``."""
    sources = {source.name: source for source in conf.load().media_sources}
    wanted = names_in(names) or list(sources)
    for name in wanted:
        if name not in sources:
            raise CommandError(
                f"There is no source {name!r} in MEDIA_SOURCES ({', '.join(sources)}).",
                returncode=EXIT_USAGE,
            )
    return [sources[name] for name in wanted]


def chosen_source(name: str | None) -> MediaSource:
    """Return the source of this name, or the only one. Raises ``CommandError``."""
    sources = chosen_sources(name)
    if len(sources) > 1:
        raise CommandError(
            f"There are several sources ({', '.join(source.name for source in sources)}).\n"
            "Hint: Name one with -s.",
            returncode=EXIT_USAGE,
        )
    return sources[0]
