import logging

import pytest

from django_rclone.signals import operation_changed
from django_rclone_notify.exceptions import NotifierError
from django_rclone_notify.receivers import deliver
from tests.notify import custom, samples
from tests.notify.services import NOTIFIERS

DUMMY = {"BACKEND": f"{NOTIFIERS}.dummy.DummyNotifier"}


def fake(name, **options):
    return {"BACKEND": f"tests.notify.custom.{name}", "OPTIONS": options}


@pytest.fixture
def raising(monkeypatch):
    def prepare(error):
        monkeypatch.setattr(custom, "BOOM", [error])

    return prepare


class FakeError(Exception):
    def __str__(self):
        raise RuntimeError("not even this works")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("boom"),
        NotifierError("boom"),
        KeyError("x"),
        SystemExit(3),
        KeyboardInterrupt(),
        RecursionError(),
        MemoryError(),
        FakeError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_raising_notifier_ends_as_a_warning_and_the_others_are_served(
    error, raising, configure, send, log, outbox
):
    raising(error)
    configure(first=fake("FakeRaising"), second=DUMMY)
    shown = send(samples.FAILED)
    [warning] = log.warnings
    assert shown == [warning]
    assert warning.startswith('"first" was not notified that db_backup failed: ')
    assert [notice.event for notice in outbox] == [samples.FAILED]


def test_foreign_error_is_told_by_class_and_place_only(raising, configure, send, log):
    raising(RuntimeError("Max retries exceeded with url: /services/T0P/s3cret"))
    configure(ops=fake("FakeRaising"))
    send(samples.FAILED)
    [warning] = log.warnings
    assert "RuntimeError at custom.py:" in warning
    assert "s3cret" not in log.everything


def test_options_and_addresses_in_the_words_of_a_notifier_are_masked(raising, configure, send, log):
    raising(NotifierError("refused: token abc-def-123 at https://user:pw@host/x\nsecond line"))
    configure(ops=fake("FakeRaising", token="abc-def-123"))
    send(samples.FAILED)
    [warning] = log.warnings
    assert warning.endswith(": refused: token *** at *** second line")


@pytest.mark.parametrize(
    "broken",
    [
        fake("FakeUnbuildable"),
        fake("FakeUnfinished"),
        fake("FakeStranger"),
        fake("FakeRaising", unknown="x"),
        {"BACKEND": "no.such.Notifier"},
        {**DUMMY, "STATES": ["faild"]},
        "slack",
        None,
    ],
    ids=range(8),
)
def test_broken_channel_ends_as_a_warning_and_the_others_are_served(
    broken, configure, send, log, outbox
):
    configure(first=broken, second=DUMMY)
    send(samples.FAILED)
    assert len(log.warnings) == 1
    assert "secret" not in log.everything
    assert [notice.event for notice in outbox] == [samples.FAILED]


@pytest.mark.parametrize("broken", [[DUMMY], "slack", {1: DUMMY}, 5])
def test_broken_setting_ends_as_one_warning(broken, settings, send, log):
    settings.DJANGO_RCLONE_NOTIFY = broken
    send(samples.FAILED)
    [warning] = log.warnings
    assert "DJANGO_RCLONE_NOTIFY must be a dictionary" in warning


@pytest.mark.parametrize("empty", [{}, None])
def test_without_channels_nothing_is_said(empty, settings, send, log):
    settings.DJANGO_RCLONE_NOTIFY = empty
    send(*samples.ALL)
    assert log.warnings == []


def test_absent_setting_is_no_error(settings, send, log):
    settings.DJANGO_RCLONE_NOTIFY = {}
    del settings.DJANGO_RCLONE_NOTIFY
    send(*samples.ALL)
    assert log.warnings == []


def test_changed_settings_count_at_once(configure, send, outbox):
    configure(ops=DUMMY)
    send(samples.SUCCEEDED)
    configure()
    send(samples.FAILED)
    assert [notice.event for notice in outbox] == [samples.SUCCEEDED]


def test_raising_log_handler_does_not_escape(raising, configure, send):
    class FakeHandler(logging.Handler):
        def emit(self, record):
            raise RuntimeError("disk full")

    raising(RuntimeError("boom"))
    configure(ops=fake("FakeRaising"))
    handler = FakeHandler()
    logging.getLogger("django_rclone_notify").addHandler(handler)
    try:
        send(samples.FAILED)
    finally:
        logging.getLogger("django_rclone_notify").removeHandler(handler)


@pytest.mark.parametrize("event", [None, object(), {}, 5])
def test_what_is_no_event_does_not_escape(event, configure, send, log):
    configure(ops=DUMMY)
    send(event)
    assert len(log.warnings) == 1


def test_every_state_of_every_operation_arrives_at_a_notifier_without_filters(
    configure, send, outbox
):
    configure(ops=DUMMY)
    send(*samples.ALL)
    assert [notice.event for notice in outbox] == list(samples.ALL)


def test_receiver_is_connected_once():
    assert list(operation_changed._live_receivers(object)[0]) == [deliver]
