"""How little a command asks for: one process, and few requests of the storage."""

import re
from pathlib import Path

import pytest

from django_rclone.rclone.log import message_of
from django_rclone.testing import S3Remote
from tests.support.site import RCLONE, DjangoSite, record_programs

_REQUEST = re.compile(r"\b(GET|PUT|POST|HEAD|DELETE) (/\S*) HTTP/1\.1")


@pytest.mark.parametrize("command", ["dbbackup", "dbrestore"])
def test_a_command_starts_one_rclone(
    command: str, site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.call("dbbackup")
    name = site.dump().name
    runs = record_programs(monkeypatch)
    site.call(*(("dbrestore", "--noinput", "-i", name) if command == "dbrestore" else (command,)))
    assert [Path(argv[0]).name for argv in runs] == ["rclone"]


def test_a_small_backup_takes_nine_requests_of_s3(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a round trip: they follow one another."""
    seen: list[str] = []

    def listen(line: str) -> str | None:
        seen.extend(" ".join(found) for found in _REQUEST.findall(line))
        return message_of(line)

    monkeypatch.setattr("django_rclone.rclone.daemon.message_of", listen)
    folder = tmp_path / "s3"
    folder.mkdir()
    with S3Remote(folder, str(RCLONE)) as remote:
        site.rclone |= remote.settings
        site.rclone["RCLONE_FLAGS"] = ["-vv", "--dump=headers"]
        site.call("dbbackup")
        (backup,) = site.backups()
    assert backup["verified"]
    # The first asks whether the remote can be reached at all.
    dump = [one for one in seen if one.partition("?")[0].endswith(backup["name"])]
    manifest = [one for one in seen if one.partition("?")[0].endswith(f"{backup['name']}.json")]
    assert [one.split()[0] for one in dump] == ["HEAD", "PUT", "HEAD", "HEAD"]
    assert [one.split()[0] for one in manifest][:4] == ["PUT", "HEAD", "HEAD", "GET"]
    # One more makes sure that there is the bucket.
    assert seen.index(manifest[3]) <= 8, seen
