import os
import stat
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from django_rclone.events import Operation
from django_rclone_notify.exceptions import InvalidOption, NotifierError
from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers.prometheus import textfile
from django_rclone_notify.notifiers.prometheus.notifier import PrometheusNotifier, file_stem
from tests.notify import samples
from tests.support.promtool import promtool

BEGAN = 1705320000.0
LABELS = {"operation": "db_backup", "database": "default", "environment": "production"}
STEM = file_stem(LABELS)


def write(directory, *events, **options):
    for event in events:
        notification = Notification(event=event)
        PrometheusNotifier(directory=str(directory), **options).notify(notification)


def text_of(directory):
    return "".join(path.read_text() for path in sorted(directory.glob("*.prom")))


def metrics(directory, **labels):
    """Return what Prometheus' own parser reads, of the series with these labels."""
    return {
        sample.name.removeprefix("django_rclone_"): sample.value
        for path in directory.glob("*.prom")
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    }


def test_start_alone(tmp_path):
    write(tmp_path, samples.STARTED)
    assert metrics(tmp_path) == {"last_start_timestamp_seconds": BEGAN}


def test_success_has_time_duration_and_size(tmp_path):
    write(tmp_path, samples.STARTED, samples.SUCCEEDED)
    assert metrics(tmp_path, **LABELS) == {
        "last_start_timestamp_seconds": BEGAN,
        "last_run_timestamp_seconds": BEGAN + 185.2,
        "last_run_success": 1,
        "last_run_duration_seconds": 185.2,
        "last_success_timestamp_seconds": BEGAN + 185.2,
        "last_success_size_bytes": 1_500_000_000,
    }


def test_failure_keeps_the_last_success(tmp_path):
    write(tmp_path, samples.SUCCEEDED, samples.FAILED)
    assert metrics(tmp_path) == {
        "last_start_timestamp_seconds": BEGAN,
        "last_run_timestamp_seconds": BEGAN + 12.0,
        "last_run_success": 0,
        "last_run_duration_seconds": 12.0,
        "last_success_timestamp_seconds": BEGAN + 185.2,
        "last_success_size_bytes": 1_500_000_000,
    }


def test_databases_operations_and_environments_have_their_own_series(tmp_path):
    other = replace(samples.SUCCEEDED, database="archive")
    media = replace(samples.SUCCEEDED, operation=Operation.MEDIA_BACKUP, database=None)
    staging = replace(samples.FAILED, environment="staging")
    write(tmp_path, samples.SUCCEEDED, other, media, staging)
    assert metrics(tmp_path, database="archive")["last_run_success"] == 1
    assert metrics(tmp_path, operation="media_backup", database="media")["last_run_success"] == 1
    assert metrics(tmp_path, environment="staging")["last_run_success"] == 0
    assert metrics(tmp_path, **LABELS)["last_run_success"] == 1


def test_series_is_in_files_named_after_it(tmp_path):
    write(tmp_path, samples.SUCCEEDED)
    assert STEM.startswith("django_rclone-db_backup-default-production-")
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{STEM}-start.prom",
        f"{STEM}-run.prom",
        f"{STEM}-success.prom",
    }


def test_series_with_similar_labels_have_different_files():
    stems = {file_stem({**LABELS, "database": name}) for name in ("a b", "a/b", "a.b", "x" * 200)}
    assert len(stems) == 4
    assert all(len(stem) < 150 for stem in stems)


def test_every_metric_has_a_help_text_and_a_type(tmp_path):
    write(tmp_path, *samples.ALL)
    families = list(text_string_to_metric_families(text_of(tmp_path)))
    assert {family.name: family.documentation for family in families} == textfile.HELP
    assert {family.type for family in families} == {"gauge"}


def test_promtool_accepts_the_files(tmp_path):
    write(tmp_path, replace(samples.SUCCEEDED, database='"\\\nx', environment=""))
    promtool("check", "metrics", folder=tmp_path, text=text_of(tmp_path))


@pytest.mark.parametrize(
    ("database", "parsed"),
    [('"} 1', '"} 1'), ("a\\nb", "a\\nb"), ("a\nb 1", "a b 1"), ("\ud800x\x00", "x"), ("🔥", "🔥")],
    ids=range(5),
)
def test_hostile_label_is_parsed_correctly(database, parsed, tmp_path):
    write(tmp_path, replace(samples.SUCCEEDED, database=database))
    assert metrics(tmp_path, database=parsed)["last_run_success"] == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "/", ".", "a\x00b", "x" * 100_000, "ü🔥"])
def test_hostile_name_stays_in_the_directory_and_small(name, tmp_path):
    directory = tmp_path / "collector"
    directory.mkdir()
    write(directory, replace(samples.SUCCEEDED, database=name, environment=name))
    assert [path.name for path in tmp_path.iterdir()] == ["collector"]
    assert len(list(directory.glob("django_rclone-*.prom"))) == 3
    assert len(text_of(directory)) < 4_000


def test_labels_of_the_channel_are_added(tmp_path):
    write(tmp_path, samples.SUCCEEDED, labels={"site": 'the "shop"'})
    assert metrics(tmp_path, site='the "shop"', **LABELS)["last_run_success"] == 1


def test_sites_with_different_labels_share_a_directory(tmp_path):
    write(tmp_path, samples.SUCCEEDED, labels={"site": "shop"})
    write(tmp_path, samples.FAILED, labels={"site": "blog"})
    assert metrics(tmp_path, site="shop")["last_run_success"] == 1
    assert metrics(tmp_path, site="blog")["last_run_success"] == 0


def test_state_of_a_later_version_changes_nothing(tmp_path):
    write(tmp_path, samples.failed(state="abandoned"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_file_is_readable_for_node_exporter_whatever_the_umask(umask, tmp_path):
    before = os.umask(umask)
    try:
        write(tmp_path, samples.SUCCEEDED)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o644}


def test_file_is_replaced_atomically(tmp_path):
    path = tmp_path / "x.prom"
    textfile.replace(path, "old\n")
    with path.open() as reader:
        textfile.replace(path, "new\n")
        assert reader.read() == "old\n"
    assert path.read_text() == "new\n"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_replacement_leaves_nothing_behind(tmp_path):
    (tmp_path / "x.prom").mkdir()
    with pytest.raises(IsADirectoryError):
        textfile.replace(tmp_path / "x.prom", "new\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.prom"]


def test_rendered_metric():
    text = textfile.render({"django_rclone_last_run_success": 1}, {"a": 'x"\\', "b": "y"})
    assert text.splitlines()[1:] == [
        "# TYPE django_rclone_last_run_success gauge",
        r'django_rclone_last_run_success{a="x\"\\",b="y"} 1',
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directory": "metrics"}, "directory must be an absolute path"),
        ({"directory": None}, "directory must be a non-empty string"),
        ({"labels": ["site"]}, "labels must be a dictionary"),
        ({"labels": {"a-b": "x"}}, "labels must have names of letters"),
        ({"labels": {"__name__": "x"}}, "labels must have names of letters"),
        ({"labels": {"database": "x"}}, "labels must not set database, which the notifier sets"),
        ({"labels": {"site": 5}}, "labels must contain only strings"),
    ],
)
def test_invalid_option_is_reported(options, message):
    with pytest.raises(InvalidOption, match=message):
        PrometheusNotifier(**{"directory": "/tmp", **options})


def test_missing_directory_is_reported(tmp_path):
    with pytest.raises(
        NotifierError, match=r"Cannot write .*: No such file or directory"
    ) as caught:
        write(tmp_path / "nowhere", samples.SUCCEEDED)
    assert caught.value.permanent
    assert caught.value.__context__ is None


def test_answer_counts_the_metrics(tmp_path):
    notification = Notification(event=samples.SUCCEEDED, recovered=True)
    notifier = PrometheusNotifier(directory=str(tmp_path))
    assert notifier.notify(notification) == "6 metrics written"
