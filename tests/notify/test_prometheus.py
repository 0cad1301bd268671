import fcntl
import os
import shutil
import stat
import subprocess
import threading
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from django_rclone.events import Operation
from django_rclone_notify.exceptions import InvalidOption, NotifierError
from django_rclone_notify.notifications import Notice
from django_rclone_notify.notifiers.prometheus.notifier import PrometheusNotifier
from django_rclone_notify.notifiers.prometheus.textfile import HELP, read
from django_rclone_notify.transport.deadline import limited_to
from tests.notify import samples

BEGAN = 1705320000.0
PREFIX = "django_rclone_"
LABELS = {"operation": "db_backup", "database": "default", "environment": "production"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "backups.prom"


def tell(path, *events, **options):
    for event in events:
        PrometheusNotifier(path=str(path), **options).notify(Notice(event=event))


def metrics(path, **labels):
    """Return what Prometheus' own parser reads, of the series with these labels."""
    return {
        sample.name.removeprefix(PREFIX): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    }


def test_start_is_told_before_anything_is_known(path):
    tell(path, samples.STARTED)
    assert metrics(path) == {"last_start_timestamp_seconds": BEGAN}


def test_success_tells_when_how_long_and_how_large(path):
    tell(path, samples.STARTED, samples.SUCCEEDED)
    assert metrics(path, **LABELS) == {
        "last_start_timestamp_seconds": BEGAN,
        "last_run_timestamp_seconds": BEGAN + 185.2,
        "last_run_success": 1,
        "last_run_duration_seconds": 185.2,
        "last_success_timestamp_seconds": BEGAN + 185.2,
        "last_success_size_bytes": 1_500_000_000,
    }


def test_failure_leaves_the_last_success_as_it_was(path):
    tell(path, samples.SUCCEEDED, samples.FAILED)
    assert metrics(path) == {
        "last_start_timestamp_seconds": BEGAN,
        "last_run_timestamp_seconds": BEGAN + 12.0,
        "last_run_success": 0,
        "last_run_duration_seconds": 12.0,
        "last_success_timestamp_seconds": BEGAN + 185.2,
        "last_success_size_bytes": 1_500_000_000,
    }


def test_databases_operations_and_environments_have_series_of_their_own(path):
    other = replace(samples.SUCCEEDED, database="archive")
    media = replace(samples.SUCCEEDED, operation=Operation.MEDIA_BACKUP, database=None)
    staging = replace(samples.FAILED, environment="staging")
    tell(path, samples.SUCCEEDED, other, media, staging)
    assert metrics(path, database="archive")["last_run_success"] == 1
    assert metrics(path, operation="media_backup", database="media")["last_run_success"] == 1
    assert metrics(path, environment="staging")["last_run_success"] == 0
    assert metrics(path, **LABELS)["last_run_success"] == 1


def test_every_metric_is_explained_once_and_nothing_else_is_written(path):
    tell(path, *samples.ALL, replace(samples.SUCCEEDED, database="archive"))
    text = path.read_text()
    families = list(text_string_to_metric_families(text))
    assert {family.name: family.documentation for family in families} == HELP
    assert {family.type for family in families} == {"gauge"}
    assert text.count("# HELP") == text.count("# TYPE") == len(HELP)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_finds_nothing_to_mend(path):
    tell(path, *samples.ALL, replace(samples.SUCCEEDED, database='"\\\nx', environment=""))
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=path.read_text(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("database", "read_back"),
    [('"} 1', '"} 1'), ("a\\nb", "a\\nb"), ("a\nb 1", "a b 1"), ("\ud800x\x00", "x"), ("🔥", "🔥")],
    ids=range(5),
)
def test_hostile_label_is_read_back_as_it_is(database, read_back, path):
    tell(path, replace(samples.SUCCEEDED, database=database), samples.SUCCEEDED)
    assert metrics(path, database=read_back)["last_run_success"] == 1
    assert metrics(path, database="default")["last_run_success"] == 1


def test_huge_label_is_cut(path):
    tell(path, replace(samples.SUCCEEDED, environment="x" * 100_000))
    assert len(path.read_text()) < 4_000


def test_labels_of_the_channel_are_added(path):
    tell(path, samples.SUCCEEDED, labels={"site": 'the "shop"'})
    assert metrics(path, site='the "shop"', **LABELS)["last_run_success"] == 1


def test_state_of_a_later_version_changes_nothing(path):
    tell(path, samples.failed(state="abandoned"))
    assert not path.exists()


def test_metric_of_another_version_is_dropped_and_no_stranger(path):
    path.write_text(f"# HELP {PREFIX}mood How it felt.\n{PREFIX}mood{{}} 1\n")
    tell(path, samples.STARTED)
    assert list(metrics(path)) == ["last_start_timestamp_seconds"]


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_file_can_be_read_by_node_exporter_whatever_the_umask(umask, path):
    before = os.umask(umask)
    try:
        tell(path, samples.SUCCEEDED)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_file_is_replaced_and_nothing_is_left_beside_it(path):
    tell(path, samples.STARTED)
    with path.open() as reader:
        path.with_name(".backups.prom.new").write_text("left by a killed process")
        tell(path, samples.SUCCEEDED)
        assert len(read(reader.read()) or {}) == 1
    assert [found.name for found in path.parent.iterdir()] == ["backups.prom"]


def test_no_writer_loses_what_another_wrote(path):
    names = [f"db{number}" for number in range(12)]
    writers = [
        threading.Thread(target=tell, args=(path, replace(samples.SUCCEEDED, database=name)))
        for name in names
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [metrics(path, database=name)["last_run_success"] for name in names] == [1] * 12


def test_folder_that_another_process_holds_is_waited_for_in_vain(path):
    holder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with limited_to(0.1), pytest.raises(NotifierError, match="did not let go") as caught:
            tell(path, samples.SUCCEEDED)
    finally:
        os.close(holder)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"path": "backups.prom"}, "path must be an absolute path"),
        ({"path": "/tmp/backups.txt"}, "path must be an absolute path"),
        ({"path": None}, "path must be a string that is not empty"),
        ({"labels": ["site"]}, "labels must be a dictionary"),
        ({"labels": {"a-b": "x"}}, "labels must have names of letters"),
        ({"labels": {"__name__": "x"}}, "labels must have names of letters"),
        ({"labels": {"database": "x"}}, "labels must not set database, which the event sets"),
        ({"labels": {"site": 5}}, "labels must hold strings only"),
    ],
)
def test_wrong_option_is_told(options, told):
    with pytest.raises(InvalidOption, match=told):
        PrometheusNotifier(**{"path": "/tmp/backups.prom", **options})


@pytest.mark.parametrize("content", [b"node_load1 0.5\n", b"free text\n", b"\xff\xfe"])
def test_file_of_someone_else_is_left_alone(content, path):
    path.write_bytes(content)
    with pytest.raises(NotifierError, match="give the channel its own") as caught:
        tell(path, samples.SUCCEEDED)
    assert caught.value.permanent
    assert caught.value.__context__ is None
    assert path.read_bytes() == content


def test_folder_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(NotifierError, match="was not written: No such file or directory"):
        tell(tmp_path / "nowhere" / "backups.prom", samples.SUCCEEDED)


def test_answer_tells_what_was_done(path):
    notice = Notice(event=samples.SUCCEEDED, recovered=True)
    assert PrometheusNotifier(path=str(path)).notify(notice) == "6 metrics written"
