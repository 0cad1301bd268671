"""How little a command asks for: one process, and few requests of the storage."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from django_rclone import conf
from django_rclone.rclone import Remote, session
from django_rclone.rclone.log import message_of
from django_rclone.testing import S3Remote
from tests.support.site import RCLONE, DjangoSite, record_programs

_ASKED = re.compile(r'rc: \\*"([a-z/]+)\\*": with parameters')
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


@pytest.fixture
def requests(
    site: DjangoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Let the site store on S3; return the requests to it, and those to rclone."""
    seen: list[str] = []

    def listen(line: str) -> str | None:
        seen.extend(" ".join(found) for found in _REQUEST.findall(line))
        seen.extend(found.replace("\\", "") for found in _ASKED.findall(line))
        return message_of(line)

    monkeypatch.setattr("django_rclone.rclone.daemon.message_of", listen)
    monkeypatch.setattr("django_rclone.rclone.log.message_of", listen)
    folder = tmp_path / "s3"
    folder.mkdir()
    with S3Remote(folder, str(RCLONE)) as remote:
        site.rclone |= remote.settings
        site.rclone["RCLONE_FLAGS"] = ["-vv", "--dump=headers"]
        yield seen


def test_a_small_backup_takes_seven_requests_of_s3(site: DjangoSite, requests: list[str]) -> None:
    """Each is a round trip: they follow one another."""
    site.call("dbbackup")
    seen = [one for one in requests if " " in one]
    (backup,) = site.backups()
    assert backup["verified"]
    # The first asks whether the remote can be reached at all.
    dump = [one for one in seen if one.partition("?")[0].endswith(backup["name"])]
    manifest = [one for one in seen if one.partition("?")[0].endswith(f"{backup['name']}.json")]
    assert [one.split()[0] for one in dump] == ["HEAD", "PUT", "HEAD"]
    assert [one.split()[0] for one in manifest][:3] == ["PUT", "HEAD", "GET"]
    # One more makes sure that there is the bucket.
    assert seen.index(manifest[2]) <= 6, seen


def test_a_listing_reads_each_record_of_a_rehearsal_once(
    site: DjangoSite, requests: list[str]
) -> None:
    site.call("dbbackup")
    site.call("dbverify")
    del requests[:]
    assert "rehearsed just now" in site.call("listbackups")
    reads = [one for one in requests if one.startswith("GET") and ".rehearsed" in one]
    assert len(reads) == 1


def test_what_a_storage_does_not_have_opens_it_anew_only_before_it_has_shown_anything(
    site: DjangoSite, requests: list[str]
) -> None:
    site.call("dbbackup")
    del requests[:]
    with override_settings(DJANGO_RCLONE=site.rclone), session():
        remote = Remote(conf.load())
        assert remote.size("db/nothing") is None
        assert requests.count("fscache/clear") == 1
        assert remote.list("db")
        assert remote.size("db/nothing") is None
        assert remote.read("db/nothing") is None
        assert remote.list("nothing") == []
        assert requests.count("fscache/clear") == 1


def test_a_file_that_is_sent_takes_one_request_of_s3(site: DjangoSite, requests: list[str]) -> None:
    """One listing of all says afterwards what has arrived."""
    site.write_media({f"{number}.jpg": bytes([number]) * 300 for number in range(20)})
    site.call("mediabackup")
    about = [one for one in requests if re.search("/media/content/../", one)]
    assert sorted(one.partition(" ")[0] for one in about) == ["PUT"] * 20
