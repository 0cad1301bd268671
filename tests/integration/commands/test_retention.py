"""`--clean` deletes what is surplus, and nothing else, whatever one listing or one clock says."""

import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from django_rclone.backups.manifest import Manifest
from tests.faults.clock import backed_up_days_ago, going_wrong
from tests.support.site import DjangoSite

FUTURE = timedelta(days=5 * 365)


@pytest.fixture
def long_ago(site: DjangoSite) -> Callable[..., list[Path]]:
    """Make backups that are older than any run."""
    return partial(backed_up_days_ago, site)


def manifest_of(dump: Path) -> Path:
    return dump.with_name(f"{dump.name}.json")


_WITHOUT = (
    "import fnmatch, json, sys; answer = json.load(sys.stdin); "
    "answer['list'] = [one for one in answer['list']"
    " if not fnmatch.fnmatchcase(one['Name'], sys.argv[1])]; print(json.dumps(answer))"
)


def hide(site: DjangoSite, name: str, *, verbs: str = "lsjson") -> None:
    """Let listings of the folder, not questions for one name, lack what is called ``name``."""
    calls = "|".join(f"{verb}*/db/" for verb in verbs.split())
    dump = name.removesuffix(".json")
    # A filter of rclone's could not exclude what the flags of `cat` include.
    cat = f'if [ "$1" = cat ]; then "$REAL" "$@" | grep -v "/{dump}"; exit 0; fi'
    listing = f'"$REAL" "$@" | {sys.executable} -c "{_WITHOUT}" "{name}"; exit 0'
    site.fake_rclone(calls, f"{cat}\n{listing}")


@pytest.mark.parametrize("verbs", ["lsjson", "lsjson cat", "cat"])
def test_a_backup_whose_manifest_one_listing_lacks_is_kept(
    site: DjangoSite,
    long_ago: Callable[..., list[Path]],
    verbs: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (old,) = long_ago(30)
    hide(site, manifest_of(old).name, verbs=verbs)
    site.call("dbbackup", "--clean")
    del site.rclone["RCLONE_BINARY"]
    assert [backup["verified"] for backup in site.backups()] == [True, True]
    warned = f"{old.name} has a manifest, which the listing lacked" in capsys.readouterr().err
    assert warned == ("lsjson" in verbs)


@pytest.mark.thorough
def test_a_listing_that_lacks_newer_backups_lets_no_older_one_go(
    site: DjangoSite, long_ago: Callable[..., list[Path]]
) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 3
    made = long_ago(30, 20, 10)
    for path in made[1:]:
        hide(site, f"{path.name}*", verbs="lsjson cat")
    site.call("dbbackup", "--clean")
    del site.rclone["RCLONE_BINARY"]
    assert len(site.backups()) == 4


@pytest.mark.parametrize("code", [1, 3, 5, 9])
def test_a_listing_that_fails_halfway_deletes_nothing(
    site: DjangoSite, long_ago: Callable[..., list[Path]], code: int
) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    site.rclone["RETRIES"] = 0
    long_ago(30, 20)
    before = site.stored()
    site.fake_rclone("lsjson*/db/", f'"$REAL" "$@" | head -n 3; exit {code}')
    site.manage("dbbackup", "--clean")
    assert set(before) < set(site.stored())


@pytest.mark.thorough
def test_an_older_manifest_that_was_replaced_since_the_listing_is_kept(
    site: DjangoSite, long_ago: Callable[..., list[Path]]
) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    (old,) = long_ago(30)
    # The listing is that of a moment ago: what has the name now is something else.
    site.fake_rclone(f"cat*{old.name}.json", "echo '{}'")
    site.call("dbbackup", "--clean")
    assert old.exists()


def test_partial_backups_never_push_out_a_whole_one(
    site: DjangoSite, long_ago: Callable[..., list[Path]]
) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 2
    (whole,) = long_ago(30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django_rclone.clients.sqlite.client.SqliteClient.partial", True)
        partial = [site.back_up("--clean") for _ in range(3)]
    assert whole.exists()
    assert [path.exists() for path in partial] == [False, True, True]
    site.call("dbbackup", "--clean")
    assert whole.exists()


def test_backups_of_the_future_do_not_push_out_new_ones(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 2
    with going_wrong() as clock:
        clock.wrong = FUTURE
        ahead = [site.back_up() for _ in range(3)]
    made = [site.back_up("--clean") for _ in range(4)]
    assert [path.exists() for path in made] == [False, False, True, True]
    assert all(path.exists() for path in ahead)
    assert "3 backups are dated in the future" in capsys.readouterr().err


@pytest.mark.thorough
def test_the_newest_to_restore_is_not_one_of_the_future(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    with going_wrong() as clock:
        clock.wrong = FUTURE
        ahead = site.back_up()
    site.database.run("DELETE FROM entry")
    site.call("dbbackup")
    site.restore()
    assert site.database.rows("SELECT count(*) FROM entry") == [(0,)]
    assert f"db/{ahead.name} is dated in the future" in capsys.readouterr().err
    site.restore("-i", ahead.name)
    assert site.database.rows("SELECT count(*) FROM entry") == [(500,)]


@pytest.mark.thorough
def test_if_all_are_of_the_future_the_newest_is_restored_with_a_warning(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    with going_wrong() as clock:
        clock.wrong = FUTURE
        site.call("dbbackup")
    site.database.run("DELETE FROM entry")
    site.restore()
    assert site.database.rows("SELECT count(*) FROM entry") == [(500,)]
    assert "dated in the future" in capsys.readouterr().err
    assert "in the future" in site.call("listbackups")


@pytest.mark.thorough
def test_clocks_that_differ_by_minutes_are_nothing_to_warn_of(
    site: DjangoSite, capsys: pytest.CaptureFixture[str]
) -> None:
    with going_wrong() as clock:
        clock.wrong = timedelta(minutes=3)
        site.call("dbbackup")
    site.call("dbbackup", "--clean")
    site.restore()
    assert "future" not in capsys.readouterr().err + site.call("listbackups")


@pytest.mark.thorough
def test_a_clock_that_goes_back_deletes_nothing_newer(site: DjangoSite) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    good = [site.back_up() for _ in range(3)]
    with going_wrong() as clock:
        clock.wrong = timedelta(days=-400)
        site.call("dbbackup", "--clean")
    assert all(path.exists() for path in good)


def test_copies_that_a_user_made_are_never_swept(
    site: DjangoSite, long_ago: Callable[..., list[Path]]
) -> None:
    (old,) = long_ago(30)
    orphan = old.with_name(old.name.replace(old.name.split(".")[1], "0123abcd"))
    copies = [old.with_name(f"{old.name}{end}") for end in (".keep", ".zst", "~", ".gz.gpg")]
    copies += [old.parent / "deeper" / orphan.name, old.parent / orphan.name.upper()]
    copies.append(orphan.with_name(orphan.name.replace("default-", "default-eu-")))
    for path in (orphan, *copies):
        path.parent.mkdir(exist_ok=True)
        shutil.copy(old, path)
    site.call("dbbackup", "--clean")
    assert not orphan.exists()
    assert [path.name for path in copies if not path.exists()] == []


@pytest.mark.parametrize("name", ["zzz.json", "zzz.zst.json", "aaa.json"])
@pytest.mark.parametrize("change", ["altered", "older", "same"])
def test_a_stray_manifest_that_names_another_dump_changes_nothing(
    site: DjangoSite, name: str, change: str
) -> None:
    dump = site.back_up()
    manifest = Manifest.from_bytes(manifest_of(dump).read_bytes())
    data = manifest_of(dump).read_bytes()
    if change == "altered":
        data = data.replace(b'"environment":""', b'"environment":"elsewhere"')
    elif change == "older":
        data = data.replace(str(manifest.created_at.year).encode(), b"2001", 1)
    (dump.parent / name).write_bytes(data)
    (dump.parent / name.removesuffix(".json")).write_bytes(b"a dump of another tool")
    listed = {backup["name"]: backup["verified"] for backup in site.backups()}
    assert listed.pop(dump.name) is True
    assert not any(listed.values())
    site.restore()
    assert dump.exists()


@pytest.mark.thorough
def test_the_manifest_that_counts_is_the_one_called_like_the_dump(site: DjangoSite) -> None:
    dump = site.back_up()
    data = manifest_of(dump).read_bytes()
    # Genuine, and for this dump, but of another name: the dump itself has none.
    manifest_of(dump).rename(dump.parent / "zzz.json")
    assert site.backups() == []
    manifest_of(dump).write_bytes(b"{}")
    (listed,) = site.backups()
    assert not listed["verified"]
    manifest_of(dump).write_bytes(data)
    (listed,) = site.backups()
    assert listed["verified"]
    assert datetime.fromisoformat(listed["date"]) < datetime.now(UTC)


def test_a_pin_for_longer_than_the_calendar_is_a_mistake_in_usage(site: DjangoSite) -> None:
    backup = site.back_up()
    with pytest.raises(CommandError, match="--for: must be at most 999999d"):
        site.call("pin", backup.name, "--for", "999999w")
    site.call("pin", backup.name, "--for", "999999d")
