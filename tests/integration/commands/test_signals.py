"""What docs/pages/signals.md promises of every signal."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import load_command_class
from django.core.management.base import CommandError
from django.dispatch import Signal

from django_rclone import signals
from tests.support.signal_recorder import SignalRecorder
from tests.support.site import DjangoSite, snapshot


def command_class(name: str) -> type:
    return type(load_command_class("django_rclone", name))


@contextmanager
def connected(name: str, receiver: Callable[..., Any]) -> Iterator[None]:
    signal: Signal = getattr(signals, name)
    signal.connect(receiver, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver)


def refuse(sender: type, **kwargs: Any) -> None:
    raise RuntimeError("not on a Friday, token=abcdef123456")


@pytest.fixture
def ready(site: DjangoSite) -> DjangoSite:
    """A site with one backup of everything, gone on since."""
    site.write_media({"a.txt": b"a", "b/c.txt": b"c"})
    site.call("dbbackup")
    site.call("mediabackup")
    site.database.mutate()
    site.write_media({"a.txt": b"changed"})
    return site


COMMANDS = {
    "dbbackup": ("pre_db_backup", "post_db_backup"),
    "dbrestore": ("pre_db_restore", "post_db_restore"),
    "mediabackup": ("pre_media_backup", "post_media_backup"),
    "mediarestore": ("pre_media_restore", "post_media_restore"),
}


def run(site: DjangoSite, command: str) -> str:
    return site.call(command, *(["--noinput"] if command.endswith("restore") else []))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_sends_its_two_signals_around_the_work(
    ready: DjangoSite, recorder: SignalRecorder, command: str
) -> None:
    run(ready, command)
    assert recorder.names == list(COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_sender_is_the_class_of_the_management_command(
    ready: DjangoSite, recorder: SignalRecorder, command: str
) -> None:
    run(ready, command)
    assert {sender for _, sender, _ in recorder.calls} == {command_class(command)}


@pytest.mark.parametrize(
    ("command", "signal", "arguments"),
    [
        ("dbbackup", "pre_db_backup", {"database"}),
        ("dbbackup", "post_db_backup", {"database", "path"}),
        ("dbrestore", "pre_db_restore", {"database", "path"}),
        ("dbrestore", "post_db_restore", {"database"}),
        ("mediabackup", "pre_media_backup", set()),
        ("mediabackup", "post_media_backup", set()),
        ("mediarestore", "pre_media_restore", set()),
        ("mediarestore", "post_media_restore", set()),
    ],
)
def test_signals_carry_exactly_the_documented_arguments(
    ready: DjangoSite, recorder: SignalRecorder, command: str, signal: str, arguments: set[str]
) -> None:
    run(ready, command)
    (said,) = [said for name, _, said in recorder.calls if name == signal]
    assert set(said) == arguments
    if "database" in arguments:
        assert said["database"] == "default"


def test_path_is_relative_to_the_remote_and_includes_the_backup_folder(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    stored = site.back_up()
    (said,) = [said for name, _, said in recorder.calls if name == "post_db_backup"]
    assert said["path"] == f"db/{stored.name}"
    assert (site.remote / said["path"]).is_file()
    site.call("dbrestore", "--noinput")
    (said,) = [said for name, _, said in recorder.calls if name == "pre_db_restore"]
    assert said["path"] == f"db/{stored.name}"


def test_pre_signals_come_before_anything_is_stored_and_post_signals_after(
    site: DjangoSite,
) -> None:
    site.write_media({"a.txt": b"a"})
    seen: dict[str, int] = {}

    def look(sender: type, signal: Signal, **kwargs: Any) -> None:
        names = [name for name in signals.__all__ if getattr(signals, name) is signal]
        seen[names[0]] = len([p for p in site.remote.rglob("*") if p.is_file()])

    with (
        connected("pre_db_backup", look),
        connected("post_db_backup", look),
        connected("pre_media_backup", look),
        connected("post_media_backup", look),
    ):
        site.call("dbbackup")
        site.call("mediabackup")
    assert seen == {
        "pre_db_backup": 0,
        "post_db_backup": 2,
        "pre_media_backup": 2,
        "post_media_backup": 5,
    }


def test_files_that_a_receiver_of_pre_media_backup_makes_are_in_the_run(site: DjangoSite) -> None:
    def export(sender: type, **kwargs: Any) -> None:
        site.write_media({"export.csv": b"1,2"})

    with connected("pre_media_backup", export):
        site.call("mediabackup")
    (site.media / "export.csv").unlink()
    site.call("mediarestore", "--noinput")
    assert snapshot(site.media) == {"export.csv": b"1,2"}


def test_a_backup_is_listed_and_restorable_by_the_time_post_db_backup_is_sent(
    site: DjangoSite,
) -> None:
    listed: list[bool] = []

    def look(sender: type, path: str, **kwargs: Any) -> None:
        listed.append(site.backups()[0]["path"] == path and site.backups()[0]["verified"])

    with connected("post_db_backup", look):
        site.call("dbbackup")
    assert listed == [True]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_raising_pre_receiver_leaves_everything_byte_for_byte_as_it_was(
    ready: DjangoSite, recorder: SignalRecorder, command: str
) -> None:
    before = snapshot(ready.folder)
    with connected(COMMANDS[command][0], refuse), pytest.raises(CommandError) as refused:
        run(ready, command)
    assert snapshot(ready.folder) == before
    assert refused.value.returncode == 4
    assert COMMANDS[command][1] not in recorder.names
    assert [event.state for event in recorder.events] == ["started", "failed"]
    assert recorder.events[-1].error_type == "OperationVetoed"
    assert recorder.events[-1].target_state in ("unchanged", None)


def test_a_veto_names_the_receiver_and_its_reason_without_secrets(ready: DjangoSite) -> None:
    with connected("pre_db_restore", refuse), pytest.raises(CommandError) as refused:
        run(ready, "dbrestore")
    text = str(refused.value)
    assert f"{__name__}.refuse" in text
    assert "pre_db_restore" in text
    assert "not on a Friday" in text
    assert "abcdef123456" not in text


class OddError(Exception):
    """An error whose attributes are no less broken than the receiver that raises it."""

    @property
    def message(self) -> str:
        raise RuntimeError("no message")


def raise_odd_error(**kwargs: Any) -> None:
    raise OddError("the pager is down")


def test_an_odd_error_of_an_observer_breaks_no_backup(
    ready: DjangoSite, recorder: SignalRecorder
) -> None:
    with connected("post_db_backup", raise_odd_error):
        ready.call("dbbackup")
    assert recorder.states[-1] == "db_backup succeeded"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("signal", ["post", "operation_changed"])
def test_a_raising_observer_changes_nothing_but_a_warning(
    ready: DjangoSite, command: str, signal: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = COMMANDS[command][1] if signal == "post" else signal
    with connected(name, refuse):
        run(ready, command)
    warnings = [r.getMessage() for r in caplog.records if r.name == "django_rclone.reporting"]
    assert any("not on a Friday" in warning and name in warning for warning in warnings)
    assert not any("abcdef123456" in warning for warning in warnings)
    if command == "dbbackup":
        assert all(backup["verified"] for backup in ready.backups())


@pytest.mark.parametrize("name", ["operation_changed", "post_db_backup"])
def test_a_raising_observer_keeps_no_other_from_hearing(site: DjangoSite, name: str) -> None:
    recorder: list[str] = []

    def listen(sender: type, **kwargs: Any) -> None:
        recorder.append(name)

    with connected(name, refuse), connected(name, listen):
        site.call("dbbackup")
    assert len(recorder) == (2 if name == "operation_changed" else 1)


class Observer:
    def __call__(self, **kwargs: Any) -> None:
        refuse(object)


@pytest.mark.parametrize(
    "receiver",
    [Observer(), partial(refuse), lambda **_: exit(7)],
    ids=["object", "partial", "exit"],
)
def test_even_an_observer_that_django_cannot_handle_breaks_nothing(
    site: DjangoSite, receiver: Callable[..., Any]
) -> None:
    with connected("post_db_backup", receiver):
        site.call("dbbackup")
    assert site.backups()[0]["verified"]


def test_a_raising_post_receiver_leaves_exit_status_0_and_a_warning_on_the_terminal(
    site: DjangoSite,
) -> None:
    site.extra_settings = (
        "from django_rclone.signals import post_db_backup\n"
        "def broken(**kwargs):\n    raise RuntimeError('the pager is down')\n"
        "post_db_backup.connect(broken)\n"
    )
    done = site.manage("dbbackup")
    assert done.returncode == 0
    assert "Warning: " in done.stderr
    assert "the pager is down" in done.stderr
    diverged = site.database.fingerprint()
    site.extra_settings = ""
    assert site.manage("dbrestore", "--noinput").returncode == 0
    assert site.database.fingerprint() == diverged


def test_warnings_of_a_receiver_are_shown_line_by_line(site: DjangoSite) -> None:
    site.extra_settings = (
        "from django_rclone.events import ReceiverWarnings\n"
        "from django_rclone.signals import operation_changed\n"
        "def warn(event, **kwargs):\n"
        "    if event.state == 'succeeded':\n"
        "        return ReceiverWarnings(['the pager is down', 'so is mail, token=abcdef123456'])\n"
        "    return ['this is no warning']\n"
        "operation_changed.connect(warn)\n"
    )
    done = site.manage("dbbackup")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "Warning: the pager is down",
        "Warning: so is mail, token=***",
    ]


def test_events_of_one_operation_share_id_and_start(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.rclone["ENVIRONMENT"] = "staging"
    stored = site.back_up()
    started, succeeded = recorder.events
    assert started.operation_id == succeeded.operation_id
    assert started.started_at == succeeded.started_at
    assert started.started_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - started.started_at) < timedelta(minutes=1)
    assert (started.state, succeeded.state) == ("started", "succeeded")
    assert (started.duration, started.size) == (None, None)
    assert succeeded.duration is not None
    assert 0 < succeeded.duration < 60
    assert succeeded.size == stored.stat().st_size
    assert succeeded.path == started.path == f"db/{stored.name}"
    assert succeeded.environment == "staging"
    assert succeeded.database == "default"
    assert succeeded.error_message is None


def test_a_failure_is_reported_once_with_its_cause(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.database.path.write_bytes(b"this is no database at all" * 1000)
    with pytest.raises(CommandError):
        site.call("dbbackup")
    assert recorder.states == ["db_backup started", "db_backup failed"]
    failed = recorder.events[-1]
    assert failed.error_type == "DumpError"
    assert "not a database" in str(failed.error_message)
    assert failed.duration is not None
    assert "post_db_backup" not in recorder.names


def test_a_failed_restore_reports_that_the_live_database_is_unchanged(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    stored = site.back_up()
    stored.write_bytes(stored.read_bytes()[::-1])
    with pytest.raises(CommandError):
        site.call("dbrestore", "--noinput")
    assert recorder.events[-1].state == "failed"
    assert recorder.events[-1].target_state == "unchanged"


def test_a_restore_reports_that_the_live_database_was_replaced(
    site: DjangoSite, recorder: SignalRecorder
) -> None:
    site.back_up()
    site.call("dbrestore", "--noinput")
    assert recorder.events[-1].target_state == "changed"


def test_clean_up_is_an_operation_of_its_own(site: DjangoSite, recorder: SignalRecorder) -> None:
    site.call("dbbackup", "--clean")
    assert recorder.states == [
        "db_backup started",
        "db_backup succeeded",
        "db_prune started",
        "db_prune succeeded",
    ]


def test_commands_work_outside_the_main_thread(site: DjangoSite, recorder: SignalRecorder) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            site.call("dbbackup")
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []
    assert recorder.states == ["db_backup started", "db_backup succeeded"]
