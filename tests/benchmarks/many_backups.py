"""Many real backups, made from one: under other dates, with manifests that are signed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from django_rclone.backups.manifest import MANIFEST_SUFFIX, Manifest, manifest_path, signer
from tests.benchmarks.contenders import SECRET_KEY

_DATE = re.compile(r"\d{4}-\d\d-\d\d-\d{6}")
_FORMAT = "%Y-%m-%d-%H%M%S"
_TOKEN = re.compile(r"\.[0-9a-f]{8}\.")
_EVERY = timedelta(minutes=50)


def copy_signed(remote: Path, count: int) -> None:
    """Make older copies of the one backup of django-rclone below ``remote``."""
    if not settings.configured:
        settings.configure()
    key = signer(SECRET_KEY, ())
    [stored] = (remote / "db").glob(f"*{MANIFEST_SUFFIX}")
    manifest = Manifest.from_bytes(stored.read_bytes())
    for number, moment in _moments(manifest.path, count):
        path = _TOKEN.sub(f".{number:08x}.", _DATE.sub(moment.strftime(_FORMAT), manifest.path))
        one = replace(manifest, path=path, created_at=moment.replace(tzinfo=UTC)).signed(key)
        # 10,000 copies would fill the disk.
        (remote / path).hardlink_to(remote / manifest.path)
        (remote / manifest_path(path)).write_bytes(one.to_bytes())


def copy_plain(remote: Path, count: int) -> None:
    """Make older copies of all files below ``remote`` that have a date in their name."""
    found = [path for path in sorted(remote.rglob("*")) if path.is_file()]
    for path in found:
        content = path.read_bytes()
        for _, moment in _moments(path.name, count):
            path.with_name(_DATE.sub(moment.strftime(_FORMAT), path.name)).write_bytes(content)


def _moments(name: str, count: int) -> Iterator[tuple[int, datetime]]:
    match = _DATE.search(name)
    if match is None:
        raise ValueError(f"there is no date in {name}")
    first = datetime.strptime(match[0], _FORMAT)  # noqa: DTZ007 - a name has no time zone
    yield from ((number, first - number * _EVERY) for number in range(1, count))
