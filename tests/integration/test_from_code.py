"""The functions for code: they do what the commands do, and return what was done."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import load_command_class
from django.test import override_settings

import django_rclone
from django_rclone.exceptions import (
    BackupNotFound,
    DumpError,
    InvalidSettings,
    MediaGuardError,
    SiteBackupFailed,
)
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite, snapshot


def test_databases_are_backed_up_listed_proven_pinned_pruned_and_restored(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.rclone["DB_CLEANUP_KEEP"] = 1
    before = site.database.fingerprint()
    with override_settings(DJANGO_RCLONE=site.rclone):
        first = django_rclone.backup_database()
        django_rclone.pin_backup(first.name, "a good one")
        [second] = django_rclone.backup_databases(["default"], verify=True)
        listed = django_rclone.list_backups("default")
        assert [one.backup.path for one in listed] == [second.path, first.path]
        assert [record.passed for record in listed[0].proofs] == [True]
        assert listed[1].pin is not None
        assert listed[1].pin.reason == "a good one"
        [health] = [one for one in django_rclone.check_backups() if one.database == "default"]
        assert (health.newest, health.level.name) == (listed[0].backup, "OK")
        django_rclone.unpin_backup(first.name)
        planned = django_rclone.plan_prune()
        assert [(one.backup.path, one.goes) for one in planned] == [
            (second.path, False),
            (first.path, True),
        ]
        assert [one.path for one in django_rclone.prune_database().backups] == [first.path]
        site.database.mutate()
        assert django_rclone.restore_database().path == second.path
        assert django_rclone.verify_database(remote_only=True).path == second.path
        [record] = django_rclone.verify_databases(every=True, remote_only=True)
        assert record.path == second.path
        site.database.mutate()
        live = site.database.fingerprint()
        salvage = django_rclone.salvage_database(name=second.name)
        assert (salvage.missing, site.database.fingerprint()) == ([], live)
        salvaged = Path(salvage.place)
        assert salvaged.exists()
        salvaged.unlink()
        django_rclone.restore_database(safety_backup=False)
    assert site.database.fingerprint() == before
    commands = ("dbbackup", "dbrestore", "dbverify", "prune", "backupcheck")
    assert {sender for _, sender, _ in recorder.calls} == {
        type(load_command_class("django_rclone", name)) for name in commands
    }


def test_media_are_backed_up_listed_restored_and_pruned(site: DjangoSite, tmp_path: Path) -> None:
    site.write_media({"a.txt": b"a", "b/c.txt": b"c"})
    site.rclone["MEDIA_CLEANUP_KEEP"] = 1
    with override_settings(DJANGO_RCLONE=site.rclone):
        [first] = django_rclone.backup_media()
        assert (first.counts.files, first.counts.added) == (2, 2)
        (site.media / "a.txt").write_bytes(b"changed")
        [second] = django_rclone.backup_media("media")
        runs = [one.backup.path for one in django_rclone.list_media()]
        assert runs == [second.run.path, first.run.path]
        assert django_rclone.verify_media().path == second.run.path
        found = django_rclone.list_media_files(first.run.name, path="b")
        assert [entry.path for entry in found if entry.kind == "file"] == [b"b/c.txt"]
        (site.media / "a.txt").unlink()
        assert django_rclone.restore_media().added == 1
        assert (site.media / "a.txt").read_bytes() == b"changed"
        django_rclone.restore_media(
            "media", at=first.run.name, path="a.txt", to=str(tmp_path / "t")
        )
        assert (tmp_path / "t" / "a.txt").read_bytes() == b"a"
        assert [run.path for run in django_rclone.prune_media()] == [first.run.path]


def test_a_site_is_backed_up_listed_and_restored(site: DjangoSite) -> None:
    site.write_media({"a.txt": b"a"})
    before = site.database.fingerprint()
    with override_settings(DJANGO_RCLONE=site.rclone):
        record = django_rclone.backup_site(["default"], ["media"])
        [listed] = django_rclone.list_sites()
        assert (listed.site.name, listed.whole) == (record.name, True)
        site.database.mutate()
        site.write_media({"a.txt": b"changed", "more.txt": b"more"})
        restored = django_rclone.restore_site(delete=True, force=True, safety_backup=False)
    assert restored == record
    assert site.database.fingerprint() == before
    assert snapshot(site.media) == {"a.txt": b"a"}


@pytest.mark.thorough
def test_a_site_with_a_database_that_fails_is_no_site_backup(site: DjangoSite) -> None:
    site.write_media({"a.txt": b"a"})
    site.database.path.unlink()
    with override_settings(DJANGO_RCLONE=site.rclone):
        with pytest.raises(SiteBackupFailed, match="There is no database file"):
            django_rclone.backup_site()
        assert django_rclone.list_sites() == []
        with pytest.raises(BackupNotFound, match="no site backup"):
            django_rclone.restore_site()
        with pytest.raises(InvalidSettings, match="has no source 'films'"):
            django_rclone.backup_site(sources=["films"])


def test_of_no_database_there_is_no_backup(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.backups()  # now its settings are those of Django
    monkeypatch.setattr(settings, "DATABASES", {})
    with override_settings(DJANGO_RCLONE=site.rclone):
        for work in (django_rclone.backup_databases, django_rclone.verify_databases):
            with pytest.raises(InvalidSettings, match="There is no database: DATABASES names none"):
                work()


def test_what_fails_raises_its_own_error(site: DjangoSite) -> None:
    with override_settings(DJANGO_RCLONE=site.rclone):
        with pytest.raises(BackupNotFound):
            django_rclone.restore_database()
        with pytest.raises(MediaGuardError):
            django_rclone.backup_media()
        with pytest.raises(InvalidSettings, match=r"has no source 'films'\.\nHint: Known: media"):
            django_rclone.backup_media("films")
        site.database.path.unlink()
        with pytest.raises(DumpError):
            django_rclone.backup_database()


def test_what_is_not_verified_is_logged(site: DjangoSite, caplog: pytest.LogCaptureFixture) -> None:
    site.write_media({"a.txt": b"a"})
    with override_settings(DJANGO_RCLONE=site.rclone):
        name = django_rclone.backup_database().name
        [media] = django_rclone.backup_media()
    with override_settings(DJANGO_RCLONE={**site.rclone, "SIGNING_KEY": "another"}):
        django_rclone.restore_database(name=name, unverified=True, safety_backup=False)
        django_rclone.restore_media(at=media.run.name, unverified=True)
    for backup in (name, media.run.name):
        assert re.search(f"{re.escape(backup)} is not verified: ", caplog.text)


def test_of_several_sources_the_one_to_restore_must_be_named(site: DjangoSite) -> None:
    site.rclone["MEDIA_SOURCES"] = {"media": {}, "other": {"FOLDER": str(site.folder)}}
    with (
        override_settings(DJANGO_RCLONE=site.rclone),
        pytest.raises(InvalidSettings, match="none was named"),
    ):
        django_rclone.restore_media()
