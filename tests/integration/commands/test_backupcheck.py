"""`backupcheck` says whether backups are as they should be, from the remote alone."""

import json
import shutil

import pytest
from django.core.management.base import CommandError

from tests.faults.clock import backed_up_days_ago
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite


def checked(site: DjangoSite, *arguments: str) -> tuple[int, str]:
    process = site.manage("backupcheck", *arguments)
    return process.returncode, process.stdout + process.stderr


def test_a_fresh_and_rehearsed_backup_is_ok_without_its_database(site: DjangoSite) -> None:
    site.back_up()
    site.call("dbverify")
    site.database.path.unlink()
    status, text = checked(site)
    assert status == 0
    assert text.startswith("OK")
    assert "rehearsed just now" in text


def test_an_old_backup_is_critical_and_told_to_observers(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    backed_up_days_ago(site, 3)
    with pytest.raises(SystemExit) as caught:
        site.call("backupcheck")
    assert caught.value.code == 2
    (failed,) = [e for e in recorder.events if (e.operation, e.state) == ("db_check", "failed")]
    assert "3 days old, the limit is 26 hours" in (failed.error_message or "")


def test_a_backup_damaged_since_it_was_rehearsed_is_found_by_the_next_rehearsal(
    site: DjangoSite,
) -> None:
    dump = site.back_up()
    site.call("dbverify")
    dump.write_bytes(dump.read_bytes()[:-1] + b"x")
    with pytest.raises(CommandError):
        site.call("dbverify", "--remote-only")
    status, text = checked(site, "--json")
    (found,) = json.loads(text)
    assert (status, found["level"]) == (2, "critical")
    assert "is not restorable" in found["findings"][0]["text"]


def test_nagios_gets_one_line_with_performance_data(site: DjangoSite) -> None:
    site.back_up()
    status, text = checked(site, "--nagios")
    assert status == 1
    assert text.startswith("BACKUPS WARNING - default: no backup was ever verified")
    assert "|'default_age'=" in text
    assert text.count("\n") == 1


def test_nagios_learns_that_nothing_could_be_found_out(site: DjangoSite) -> None:
    site.rclone["REMOTE"] = "nowhere:shop"
    status, text = checked(site, "--nagios")
    assert status == 3
    assert text.startswith("BACKUPS UNKNOWN - ")


def test_a_remote_that_is_almost_full_is_told(
    site: DjangoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = site.back_up().stat().st_size
    site.call("dbverify")
    monkeypatch.setattr("django_rclone.rclone.Remote.free_space", lambda remote: 2 * size)
    out: list[str] = []
    monkeypatch.setattr(
        "django_rclone.management.base.RcloneCommand.write_result",
        lambda command, text: out.append(text),
    )
    with pytest.raises(SystemExit) as caught:
        site.call("backupcheck")
    assert caught.value.code == 1
    assert "room for 2 more backups of this size, the limit is 3" in out[0]
    site.rclone["CHECK"] = {"min_room": 2}
    site.call("backupcheck")
    assert out[1].startswith("OK")


def test_a_remote_that_does_not_say_how_full_it_is_is_fine(site: DjangoSite) -> None:
    site.back_up()
    site.call("dbverify")
    site.rclone["RETRIES"] = 0
    site.fake_rclone("about*", "echo 'no such right' >&2; exit 1")
    assert checked(site)[0] == 0


def test_an_empty_remote_is_critical(site: DjangoSite) -> None:
    shutil.rmtree(site.remote)
    assert checked(site)[0] == 2


def test_a_forged_record_does_not_pass_for_a_proof(site: DjangoSite) -> None:
    first, second = site.back_up(), None
    site.call("dbverify")
    record = first.with_name(f"{first.name}.rehearsed").read_bytes()
    first.unlink()
    first.with_name(f"{first.name}.json").unlink()
    second = site.back_up()
    second.with_name(f"{second.name}.rehearsed").write_bytes(record)
    status, text = checked(site)
    assert status == 1
    assert "ever verified" in text
