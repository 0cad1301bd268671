"""A clock of this host that goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from django_rclone import reporting
from django_rclone.locks import lease as locks
from django_rclone.operations import newest, prune, storing
from tests.support.site import DjangoSite


class Clock:
    """The time of day as this process sees it."""

    def __init__(self) -> None:
        self.wrong = timedelta(0)

    def datetime(self) -> type[datetime]:
        """Return a class that tells the wrong time."""
        clock = self

        class Shifted(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Shifted":
                moment = datetime.now(tz) + clock.wrong
                return cls.fromisoformat(moment.isoformat())

        return Shifted


@contextmanager
def going_wrong() -> Iterator[Clock]:
    """Let everything that looks at the time see that of the clock, right at first."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        for module in (reporting, storing, newest, prune, locks):
            patch.setattr(module, "datetime", clock.datetime())
        yield clock


def backed_up_days_ago(site: DjangoSite, *days: float) -> list[Path]:
    """Make a backup for each of so many days ago, and return the stored files."""
    made = []
    for count in days:
        with going_wrong() as clock:
            clock.wrong = timedelta(days=-count)
            made.append(site.back_up())
    return made
