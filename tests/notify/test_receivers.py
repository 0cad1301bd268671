import logging

import pytest

from django_rclone.signals import operation_changed
from django_rclone_notify.exceptions import NotifierError
from django_rclone_notify.receivers import deliver
from tests.notify import fake_notifiers, samples
from tests.notify.services import NOTIFIERS

DUMMY = {"BACKEND": f"{NOTIFIERS}.dummy.DummyNotifier"}


def fake(name, **options):
    return {"BACKEND": f"tests.notify.fake_notifiers.{name}", "OPTIONS": options}


@pytest.fixture
def raising(monkeypatch):
    def prepare(error):
        monkeypatch.setattr(fake_notifiers, "ERRORS", [error])

    return prepare


class FakeError(Exception):
    def __str__(self):
        raise RuntimeError("str() does not work either")


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
def test_raising_notifier_becomes_a_warning_and_others_still_deliver(
    error, raising, configure, send, log, outbox
):
    raising(error)
    configure(first=fake("FakeRaising"), second=DUMMY)
    shown = send(samples.FAILED)
    [warning] = log.warnings
    assert shown == [warning]
    assert warning.startswith('"first" was not notified that db_backup failed: ')
    assert [notification.event for notification in outbox] == [samples.FAILED]


def test_unknown_error_is_described_by_class_and_location_only(raising, configure, send, log):
    raising(RuntimeError("Max retries exceeded with url: /services/T0P/s3cret"))
    configure(ops=fake("FakeRaising"))
    send(samples.FAILED)
    [warning] = log.warnings
    assert "RuntimeError at fake_notifiers.py:" in warning
    assert "s3cret" not in log.everything


def test_options_and_urls_in_the_message_of_a_notifier_are_masked(raising, configure, send, log):
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
        fake("FakeNotDerived"),
        fake("FakeRaising", unknown="x"),
        {"BACKEND": "no.such.Notifier"},
        {**DUMMY, "STATES": ["faild"]},
        "slack",
        None,
    ],
    ids=range(8),
)
def test_broken_channel_becomes_a_warning_and_others_still_deliver(
    broken, configure, send, log, outbox
):
    configure(first=broken, second=DUMMY)
    send(samples.FAILED)
    assert len(log.warnings) == 1
    assert "secret" not in log.everything
    assert [notification.event for notification in outbox] == [samples.FAILED]


@pytest.mark.parametrize("broken", [[DUMMY], "slack", {1: DUMMY}, 5])
def test_broken_setting_becomes_one_warning(broken, settings, send, log):
    settings.DJANGO_RCLONE_NOTIFY = broken
    send(samples.FAILED)
    [warning] = log.warnings
    assert "DJANGO_RCLONE_NOTIFY must be a dictionary" in warning


@pytest.mark.parametrize("empty", [{}, None])
def test_no_channels_no_warnings(empty, settings, send, log):
    settings.DJANGO_RCLONE_NOTIFY = empty
    send(*samples.ALL)
    assert log.warnings == []


def test_missing_setting_is_not_an_error(settings, send, log):
    settings.DJANGO_RCLONE_NOTIFY = {}
    del settings.DJANGO_RCLONE_NOTIFY
    send(*samples.ALL)
    assert log.warnings == []


def test_changed_settings_take_effect_at_once(configure, send, outbox):
    configure(ops=DUMMY)
    send(samples.SUCCEEDED)
    configure()
    send(samples.FAILED)
    assert [notification.event for notification in outbox] == [samples.SUCCEEDED]


def test_error_of_a_log_handler_is_suppressed(raising, configure, send):
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
def test_invalid_event_becomes_a_warning(event, configure, send, log):
    configure(ops=DUMMY)
    send(event)
    assert len(log.warnings) == 1


def test_notifier_without_filters_gets_every_state(configure, send, outbox):
    configure(ops=DUMMY)
    send(*samples.ALL)
    assert [notification.event for notification in outbox] == list(samples.ALL)


def test_receiver_is_connected_once():
    assert list(operation_changed._live_receivers(object)[0]) == [deliver]
