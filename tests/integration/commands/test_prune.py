"""`prune`, `pin` and `unpin`: what is deleted, what stays, and what is said of it."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError

from django_rclone.backups.manifest import Manifest
from django_rclone.backups.rehearsal import Proof, Rehearsal, record_signer
from tests.faults.clock import backed_up_days_ago
from tests.integration.commands.test_retention import hide
from tests.support.site import DjangoSite


@pytest.fixture
def made(site: DjangoSite) -> Callable[..., list[Path]]:
    """Make backups that are so many days old, of which only the newest is to stay."""
    site.rclone["RETENTION"] = {"last": 1}
    return partial(backed_up_days_ago, site)


def pin_of(dump: Path) -> Path:
    return dump.with_name(f"{dump.name}.pin")


def test_prune_deletes_what_no_rule_keeps(
    site: DjangoSite, made: Callable[..., list[Path]]
) -> None:
    old, new = made(2, 1)
    site.add_database("other")
    site.call("dbbackup", "-d", "other")
    assert f"Deleted db/{old.name}" in site.call("prune")
    assert [path.exists() for path in (old, new)] == [False, True]
    assert len(site.backups("-d", "other")) == 1


def test_a_dry_run_deletes_nothing_and_says_why_each_one_stays(
    site: DjangoSite, made: Callable[..., list[Path]]
) -> None:
    old, new = made(2, 1)
    before = site.stored()
    text = site.call("prune", "-d", "default", "--dry-run")
    assert site.stored() == before
    assert text.splitlines()[0] == "Database 'default': 1 kept, 1 would be deleted."
    assert text.index("last 1 of 1, newest") < text.index(old.name) < text.index("WOULD BE")
    # A new backup would take the place of this one.
    text = site.call("dbbackup", "--clean", "--dry-run")
    assert site.stored() == before
    assert text.splitlines()[0] == "Database 'default': 1 kept, 2 would be deleted."
    with pytest.raises(CommandError, match="needs --clean"):
        site.call("dbbackup", "--dry-run")
    assert new.exists()


def test_a_pinned_backup_stays_until_it_is_unpinned(
    site: DjangoSite, made: Callable[..., list[Path]]
) -> None:
    old, _ = made(2, 1)
    assert f"Pinned db/{old.name}" in site.call("pin", old.name, "--reason", "before the move")
    site.call("prune")
    assert old.exists()
    listed = {backup["name"]: backup for backup in site.backups()}
    assert listed[old.name]["pinned"] == "before the move"
    assert listed[old.name]["kept"] == ["pinned"]
    assert f"{old.name} is pinned: before the move" in site.call("listbackups")
    site.call("unpin", old.name)
    assert site.backups()[1]["kept"] == []
    site.call("prune")
    assert site.stored() == [path for path in site.stored() if old.name not in path.name]


@pytest.mark.parametrize("data", [b"", b"{}", b"{]", b"\xff", "forged", "of another"])
def test_a_pin_that_cannot_be_trusted_protects_all_the_same(
    site: DjangoSite, made: Callable[..., list[Path]], data: bytes | str
) -> None:
    older, old, _ = made(3, 2, 1)
    site.call("pin", older.name, "--reason", "genuine")
    genuine = pin_of(older).read_bytes()
    forged = {"forged": genuine.replace(b"genuine", b"altered"), "of another": genuine}
    pin_of(old).write_bytes(data if isinstance(data, bytes) else forged[data])
    site.call("prune")
    assert old.exists()
    listed = {backup["name"]: backup["pinned"] for backup in site.backups()}
    assert listed[old.name].startswith("(its pin")
    site.call("unpin", old.name)
    site.call("prune")
    assert [path.exists() for path in (older, old)] == [True, False]


def test_a_pin_that_a_listing_lacks_is_asked_for_by_its_name(
    site: DjangoSite, made: Callable[..., list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    old, _ = made(2, 1)
    site.call("pin", old.name)
    hide(site, "*.pin")
    site.call("prune")
    assert old.exists()
    assert "has a pin, which the listing lacked" in capsys.readouterr().err


def record(dump: Path, *, passed: bool = True, key: str = "") -> None:
    """Store what a rehearsal of a backup would."""
    manifest = Manifest.from_bytes(dump.with_name(f"{dump.name}.json").read_bytes())
    rehearsal = Rehearsal(
        path=manifest.path,
        manifest=manifest.signature,
        proof=Proof.REHEARSED,
        passed=passed,
        finished_at=manifest.created_at,
        duration=1,
        host="here",
    )
    signer = record_signer(key or settings.SECRET_KEY, ())
    dump.with_name(f"{dump.name}.rehearsed").write_bytes(rehearsal.signed(signer).to_bytes())


def test_the_newest_that_passed_a_rehearsal_stays_and_records_go_with_their_backups(
    site: DjangoSite, made: Callable[..., list[Path]]
) -> None:
    oldest, older, old, older_than_new, _ = paths = made(5, 4, 3, 2, 1)
    for path in (oldest, older):
        record(path)
    record(old, passed=False)
    record(older_than_new, key="that of somebody else")
    oldest.with_name(f"{oldest.name}.read").write_text("{}")
    assert "newest rehearsed" in site.call("prune", "--dry-run")
    site.call("prune")
    assert [path.exists() for path in paths] == [False, True, False, False, True]
    assert len(site.stored()) == 5


def test_a_rehearsal_that_a_listing_lacks_is_asked_for_by_its_name(
    site: DjangoSite, made: Callable[..., list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    old, _ = made(2, 1)
    record(old)
    hide(site, "*.rehearsed")
    site.call("prune")
    assert old.exists()
    assert "was rehearsed, which the listing lacked" in capsys.readouterr().err


def test_only_a_backup_that_is_there_can_be_pinned(site: DjangoSite) -> None:
    dump = site.back_up()
    for name in ("nothing", f"{dump.name}.json", "../db"):
        with pytest.raises(CommandError, match=r"no backup|cannot be the name"):
            site.call("pin", name)
    with pytest.raises(CommandError, match="is not pinned"):
        site.call("unpin", dump.name)
    with pytest.raises(CommandError, match="501 characters; 500 are possible"):
        site.call("pin", dump.name, "--reason", "x" * 501)


def test_a_pin_is_no_backup_and_no_leftover(
    site: DjangoSite, made: Callable[..., list[Path]]
) -> None:
    old, _ = made(30, 1)
    site.call("pin", old.name)
    alone = pin_of(old).with_name(pin_of(old).name.replace("default-", "default-2-"))
    shutil.copy(pin_of(old), alone)
    assert len(site.backups()) == 2
    site.call("prune")
    assert alone.exists()
    assert pin_of(old).exists()
