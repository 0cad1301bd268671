"""Versioning and object lock: what is deleted or replaced is had back, as the page tells."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.core.management.base import CommandError

from django_rclone.processes import Command
from django_rclone.rclone.log import failure
from tests.docs.texts import page, python_blocks, section
from tests.faults.s3_simulator import Bucket, FakeS3, moment, serving
from tests.support.findings import look_at
from tests.support.site import DjangoSite, snapshot

Put = Callable[..., Bucket]

BACK = section(page("security"), "### Recovering deleted backups")
FLAG = "--streaming-upload-cutoff=0"
VERSIONED = pytest.param({}, id="versioned")
LOCKED = pytest.param({"locked": True}, id="locked", marks=pytest.mark.thorough)
ENCRYPTED = pytest.param(
    {"locked": True, "crypt": True}, id="locked-crypt", marks=pytest.mark.thorough
)


@pytest.fixture(scope="module")
def s3_simulator() -> Iterator[FakeS3]:
    with serving() as service:
        yield service


@pytest.fixture
def put(site: DjangoSite, s3_simulator: FakeS3) -> Iterator[Put]:
    """Let the site store in a bucket of its own."""
    with ExitStack() as stack:

        def put(**kind: bool) -> Bucket:
            bucket = stack.enter_context(s3_simulator.bucket(site.folder, **kind))
            site.rclone |= bucket.settings
            if kind.get("crypt"):
                site.rclone["RCLONE_FLAGS"] = [FLAG]
            return bucket

        yield put


@pytest.fixture
def as_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Look at the bucket as it was, by the variable in the documentation."""
    ((variable, _),) = set(re.findall(r"(RCLONE_\w+)=(\S+Z) python manage\.py", BACK))
    return lambda when: monkeypatch.setenv(variable, when)


def restored(site: DjangoSite) -> str:
    site.database.mutate()
    site.call("dbrestore", "--noinput")
    return site.database.fingerprint()


@pytest.mark.parametrize("kind", [VERSIONED, LOCKED, ENCRYPTED])
def test_backup_clean_up_and_restore_work(site: DjangoSite, put: Put, kind, capsys) -> None:
    bucket = put(**kind)
    site.rclone["DB_CLEANUP_KEEP"] = 2
    before = site.database.fingerprint()
    for _ in range(3):
        site.call("dbbackup", "--clean")
    assert [backup["verified"] for backup in site.backups()] == [True, True]
    assert restored(site) == before
    assert capsys.readouterr().err == ""
    assert len(bucket.keys()) == 4, "two dumps, two manifests, no lock"


@pytest.mark.parametrize("kind", [VERSIONED, LOCKED, ENCRYPTED])
def test_deleted_backups_are_restored_from_older_versions(
    site: DjangoSite, put: Put, kind, as_of, capsys
) -> None:
    bucket = put(**kind)
    before = site.database.fingerprint()
    site.call("dbbackup")
    (backup,), when = site.backups(), moment()
    bucket.delete_all()
    assert site.backups() == []

    as_of(when)
    (found,) = site.backups()
    assert (found["name"], found["verified"]) == (backup["name"], True)
    assert restored(site) == before
    assert "Could not take a lock" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [VERSIONED, LOCKED])
def test_overwritten_backups_are_restored_from_older_versions(
    site: DjangoSite, put: Put, kind, as_of
) -> None:
    bucket = put(**kind)
    before = site.database.fingerprint()
    site.call("dbbackup")
    when = moment()
    bucket.overwrite_all(b"paid?")
    assert [backup["verified"] for backup in site.backups()] == [False]
    with pytest.raises(CommandError, match="Refusing"):
        site.call("dbrestore", "--noinput")

    as_of(when)
    assert [backup["verified"] for backup in site.backups()] == [True]
    assert restored(site) == before


@pytest.mark.parametrize("kind", [LOCKED, ENCRYPTED])
def test_media_of_an_earlier_time_are_restored_from_older_versions(
    site: DjangoSite, put: Put, kind, as_of
) -> None:
    bucket = put(**kind)
    old = {"a.txt": b"old", "b/c.txt": b"goes", "d.txt": b"stays"}
    site.write_media(old)
    site.call("mediabackup")
    when = moment()
    site.write_media({"a.txt": b"new", "e.txt": b"comes"})
    (site.media / "b/c.txt").unlink()
    site.call("mediabackup", "--force")
    newest = snapshot(site.media)
    site.call("mediarestore", "--noinput", "--delete", "--force")
    assert snapshot(site.media) == newest
    bucket.delete_all()

    as_of(when)
    site.call("mediarestore", "--noinput", "--delete", "--force")
    assert snapshot(site.media) == old


def test_locked_versions_cannot_be_destroyed(site: DjangoSite, put: Put, as_of) -> None:
    bucket = put(locked=True)
    before = site.database.fingerprint()
    site.call("dbbackup")
    when = moment()
    bucket.delete_all()
    assert bucket.destroy_versions("shop/db/") == {"AccessDenied": 2}
    as_of(when)
    assert restored(site) == before


def test_versions_without_a_lock_can_be_destroyed(site: DjangoSite, put: Put, as_of) -> None:
    """This is not protected: the page says so."""
    bucket = put()
    site.call("dbbackup")
    when = moment()
    assert bucket.destroy_versions("shop/db/") == {"destroyed": 2}
    as_of(when)
    assert site.backups() == []


def test_writing_to_an_older_version_fails_with_the_way_out(
    site: DjangoSite, put: Put, as_of
) -> None:
    put()
    site.call("dbbackup")
    as_of(moment())
    with pytest.raises(CommandError, match="unset `version_at`"):
        site.call("dbbackup")


def test_crypt_over_object_lock_needs_the_flag_of_the_page(site: DjangoSite, put: Put) -> None:
    put(locked=True, crypt=True)
    flags = site.rclone.pop("RCLONE_FLAGS")
    assert any(
        f'"RCLONE_FLAGS": {json.dumps(flags)}' in block.code
        for block in python_blocks("settings")
        if block.path.name == "security.md"
    )
    with pytest.raises(CommandError, match=f"Add `{FLAG}` to RCLONE_FLAGS"):
        site.call("dbbackup")
    assert site.backups() == []


def test_the_message_of_amazon_itself_brings_the_same_hint() -> None:
    words = (
        "InvalidRequest: Content-MD5 OR x-amz-checksum- HTTP header is required"
        " for Put Object requests with Object Lock parameters"
    )
    error = failure(Command(argv=("rclone",)), 1, [words])
    assert FLAG in error.hint
    assert not error.transient


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        pytest.param({}, "keeps versions", id="versioned"),
        pytest.param({"locked": True}, "are locked (compliance mode)", id="locked"),
    ],
)
def test_a_look_at_the_site_tells_versions_locks_and_the_clock(
    site: DjangoSite, put: Put, kind, said
) -> None:
    bucket = put(**kind)
    found = {one["step"]: one["text"] for one in look_at(site)["ok"]}
    assert said in found["versions"]
    assert "agree" in found["clock"]
    if not kind:
        suspended = {"Status": "Suspended"}
        bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=suspended)
        assert "keeps no versions" in str(look_at(site)["warning"])
