from dataclasses import replace

import pytest

from django_rclone.events import Operation, State
from django_rclone_notify.messages import (
    cause,
    cleaned,
    cut,
    facts,
    hint,
    human_duration,
    human_size,
    one_line,
    tail,
    title,
)
from django_rclone_notify.notifications import Notice
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
        (59.6, "1 min 0 s"),
        (185.2, "3 min 5 s"),
        (3599.9, "1 h 0 min"),
        (7200, "2 h 0 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_duration_is_human(seconds, shown):
    assert human_duration(seconds) == shown


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("state", State)
def test_title_tells_every_operation_and_state(operation, state):
    shown = title(Notice(event=replace(samples.STARTED, operation=operation, state=state)))
    assert f" {state} on web-1" in shown
    assert "{" not in shown


def test_title_without_environment_and_database_is_about_media():
    event = replace(
        samples.SUCCEEDED, operation=Operation.MEDIA_BACKUP, database=None, environment=""
    )
    assert title(Notice(event=event)) == "Backup of media succeeded on web-1"


def test_title_of_a_recovery_says_again():
    assert title(samples.RECOVERED) == (
        '[production] Backup of database "default" succeeded again on web-1'
    )


def test_cause_and_hint_are_told_apart():
    assert cause(samples.FAILED) == "rclone rcat exited with 1\nquota exceeded"
    assert hint(samples.FAILED) == "Free some space."


@pytest.mark.parametrize("words", [None, "", "quota exceeded"])
def test_error_without_a_hint_has_none(words):
    event = samples.failed(error_message=words)
    assert (cause(event), hint(event)) == (words or "", "")


def test_tail_keeps_the_end_and_shows_it():
    assert tail("x" * 50, 50) == "x" * 50
    assert tail("x" * 50 + "end", 20) == "(cut) … " + "x" * 9 + "end"


def test_unknown_operation_is_named_as_it_is():
    event = samples.failed(operation="db_verify")
    assert (
        title(Notice(event=event)) == '[production] db_verify of database "default" failed on web-1'
    )


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        (True, "The live data was changed"),
        (False, "The live data was not touched"),
        (None, "The live data may have been changed: it cannot be told"),
    ],
)
@pytest.mark.parametrize("operation", [Operation.DB_RESTORE, Operation.MEDIA_RESTORE])
def test_failed_restore_tells_what_became_of_the_live_data(operation, changed, shown):
    assert shown in facts(samples.failed(operation=operation, target_changed=changed))


def test_backup_says_nothing_about_live_data():
    assert not any("live data" in fact for event in samples.ALL for fact in facts(event))


def test_cut_text_keeps_to_the_limit_and_shows_it():
    assert cut("x" * 50, 50) == "x" * 50
    assert cut("x" * 51, 50) == "x" * 42 + " … (cut)"


def test_cleaned_text_keeps_lines_and_emoji_and_loses_the_rest():
    assert cleaned("a\tb\r\nc\x00\x1b\u202e\ud800🔥") == "a b\nc🔥"
    assert one_line("a\rb\nc\u2028d") == "a b c d"
