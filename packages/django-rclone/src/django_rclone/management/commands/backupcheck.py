"""``manage.py backupcheck``: say whether the backups are as they should be."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandParser

from ...backups.health import Health, Level, last_proofs
from ...backups.wording import ago
from ...exceptions import DjangoRcloneError
from ..base import RcloneCommand
from ..formatting import printable, size

_UNKNOWN = 3
"""What monitoring systems expect where nothing could be found out."""


class Command(RcloneCommand):
    help = (
        "Looks at the backups on the remote, without any database: is there one, how old is it, "
        "when was one last verified, is its size usual, is there room for more. Exits with 0, 1 "
        "(warning) or 2 (critical)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--json", action="store_true", dest="as_json", help="Prints JSON, for programs."
        )
        how.add_argument(
            "--nagios",
            action="store_true",
            help="Prints one line as Nagios and Icinga want it; exits with 3 if the remote cannot "
            "be read.",
        )

    def handle(
        self, *args: Any, as_json: bool, nagios: bool, verbosity: int, **options: Any
    ) -> None:
        from ...operations.check import check_backups

        try:
            found = check_backups(sender=type(self), console=self.console(verbosity))
        except (DjangoRcloneError, ImproperlyConfigured) as error:
            if not nagios:
                raise
            raise SystemExit(self._print_unknown(str(error))) from None
        now = datetime.now(UTC)
        if as_json:
            self.write_result(json.dumps([_record(health, now) for health in found], indent=2))
        elif nagios:
            self.write_result(_nagios(found, now))
        else:
            self.write_result("\n".join(_line(health, now) for health in found))
        if level := max((health.level for health in found), default=Level.OK):
            raise SystemExit(int(level))

    def _print_unknown(self, text: str) -> int:
        self.write_result(f"BACKUPS UNKNOWN - {printable(text).splitlines()[0]}")
        return _UNKNOWN


def _line(health: Health, now: datetime) -> str:
    return f"{health.level.name:8}  {health.whose}: {_described(health, now)}"


def _described(health: Health, now: datetime) -> str:
    known = []
    newest = health.newest
    if newest and newest.created_at:
        known.append(f"backed up {ago(newest.created_at, now)} ({size(health.size or 0)})")
    if health.proven:
        known.append(last_proofs([health.proven], now))
    return printable("; ".join([*(one.text for one in health.findings), *known]))


def _nagios(found: Sequence[Health], now: datetime) -> str:
    level = max((health.level for health in found), default=Level.OK)
    # A pipe separates the text from the performance data.
    text = "; ".join(f"{h.whose}: {_described(h, now)}" for h in found).replace("|", "/")
    data = " ".join(_performance(health, now) for health in found if health.newest)
    free = next((health.free for health in found if health.free is not None), None)
    data += "" if free is None else f" free={free}B"
    return f"BACKUPS {level.name} - {text}|{data}".replace("\n", " ")


def _performance(health: Health, now: datetime) -> str:
    newest = health.newest
    if newest is None or newest.created_at is None:
        return ""
    seconds = (now - newest.created_at).total_seconds()
    return f"'{health.whose}_age'={seconds:.0f}s '{health.whose}_size'={health.size}B"


def _record(health: Health, now: datetime) -> dict[str, object]:
    newest = health.newest
    proven = health.proven.proven_at if health.proven else None
    made = newest.created_at if newest else None
    return {
        "database": health.database,
        "source": health.source,
        "level": health.level.name.lower(),
        "findings": [
            {"level": one.level.name.lower(), "text": one.text} for one in health.findings
        ],
        "newest": newest.path if newest else None,
        "age": round((now - made).total_seconds()) if made else None,
        "size": health.size,
        "free": health.free,
        "verified": proven.isoformat() if proven else None,
        "verified_age": round((now - proven).total_seconds()) if proven else None,
    }
