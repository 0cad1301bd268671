from dataclasses import replace

import pytest

from django_rclone.events import Operation, State, TargetState
from django_rclone_notify.messages import (
    cause,
    details,
    error_text,
    facts,
    hint,
    human_duration,
    human_size,
    one_line,
    strip_control_characters,
    title,
    truncate,
)
from django_rclone_notify.notifications import Notification
from tests.notify import samples


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1024, "1.0 KB"),
        (123_456_789, "117.7 MB"),
        (1_500_000_000, "1.4 GB"),
    ],
)
def test_size_is_human(size, shown):
    assert human_size(size) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (185.2, "3 min 05 s"),
        (3599.9, "60 min 00 s"),
        (7261, "121 min 01 s"),
    ],
)
def test_duration_is_human(seconds, shown):
    assert human_duration(seconds) == shown


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("state", State)
def test_title_of_every_operation_and_state(operation, state):
    shown = title(Notification(event=replace(samples.STARTED, operation=operation, state=state)))
    assert f" {state} on web-1" in shown
    assert "{" not in shown


def test_title_without_environment_and_database():
    event = replace(
        samples.SUCCEEDED, operation=Operation.MEDIA_BACKUP, database=None, environment=""
    )
    assert title(Notification(event=event)) == "Backup of media succeeded on web-1"


def test_title_of_a_recovery_says_again():
    assert title(samples.RECOVERED) == (
        '[production] Backup of database "default" succeeded again on web-1'
    )


def test_cause_and_hint():
    assert cause(samples.FAILED) == "rclone rcat exited with 1\nquota exceeded"
    assert hint(samples.FAILED) == "Free some space."


@pytest.mark.parametrize("message", [None, "", "quota exceeded"])
def test_error_without_a_hint(message):
    event = samples.failed(error_message=message, error_hint=None)
    assert (cause(event), hint(event)) == (message or "", "")
    assert error_text(event, 100) == (message or "")


def test_error_text_consists_of_cause_and_hint():
    assert error_text(samples.FAILED, 100) == (
        "rclone rcat exited with 1\nquota exceeded\nHint: Free some space."
    )


def test_long_error_text_keeps_the_hint():
    event = samples.failed(error_message="x" * 500)
    text = error_text(event, 100)
    assert len(text) == 100
    assert text.endswith("x … (truncated)\nHint: Free some space.")
    assert len(error_text(samples.failed(error_hint="x" * 500), 100)) <= 100


def test_unknown_operation_is_named_as_it_is():
    event = samples.failed(operation="db_copy")
    assert (
        title(Notification(event=event))
        == '[production] db_copy of database "default" failed on web-1'
    )


@pytest.mark.parametrize("state", TargetState)
@pytest.mark.parametrize("operation", [Operation.DB_RESTORE, Operation.MEDIA_RESTORE])
def test_failed_restore_reports_the_state_of_the_live_data(operation, state):
    event = samples.failed(operation=operation, target_state=state)
    assert f"Live data: {state}" in details(event)


def test_other_events_do_not_mention_live_data():
    restored = replace(
        samples.SUCCEEDED, operation=Operation.DB_RESTORE, target_state=TargetState.CHANGED
    )
    assert not any("Live data" in facts(event) for event in (*samples.ALL, restored))


def test_facts_are_labeled_and_unknown_ones_are_left_out():
    assert facts(samples.SUCCEEDED) == {
        "Database": "default",
        "Environment": "production",
        "Host": "web-1",
        "Started": "2024-01-15 12:00:00 UTC",
        "Duration": "3 min 05 s",
        "Size": "1.4 GB",
        "Path": "db/default-2024-01-15-120000.dump.zst",
        "Operation ID": samples.RUN,
    }


def test_truncated_text_keeps_to_the_limit_and_is_marked():
    assert truncate("x" * 50, 50) == "x" * 50
    assert truncate("x" * 51, 50) == "x" * 36 + " … (truncated)"


def test_control_characters_are_removed_but_lines_and_emoji_kept():
    assert strip_control_characters("a\tb\r\nc\x00\x1b\u202e\ud800🔥") == "a b\nc🔥"
    assert one_line("a\rb\nc\u2028d") == "a b c d"
