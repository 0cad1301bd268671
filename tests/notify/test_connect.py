"""Notifiers connected in code, without an entry in the settings."""

import subprocess
import sys

import pytest

from django_rclone_notify.exceptions import InvalidNotifySettings
from django_rclone_notify.notifiers.dummy import DummyNotifier
from django_rclone_notify.notifiers.slack.notifier import SlackNotifier
from django_rclone_notify.receivers import connect
from tests.notify import samples
from tests.notify.endpoints import SECRET
from tests.notify.fake_notifiers import FakeRaising, FakeSlow
from tests.notify.services import NOTIFIERS


@pytest.fixture
def connect_notifier():
    """Connect notifiers, and disconnect them after the test."""
    undo = []

    def connect_one(notifier, **options):
        undo.append(connect(notifier, **options))

    yield connect_one
    for disconnect in undo:
        disconnect()


def states(outbox):
    return [notification.state for notification in outbox]


def test_connected_notifier_gets_its_default_states(connect_notifier, configure, send, outbox):
    configure()
    connect_notifier(DummyNotifier())
    send(*samples.ALL)
    assert states(outbox) == ["started", "succeeded", "failed"]


def test_filters_work_as_in_the_settings(connect_notifier, configure, send, outbox):
    configure()
    connect_notifier(
        DummyNotifier(),
        states=["failed"],
        operations=["db_backup"],
        databases=["default"],
        environments=["production"],
    )
    send(*samples.ALL, samples.failed(database="other"), samples.failed(environment="staging"))
    assert states(outbox) == ["failed"]


def test_connected_and_configured_channels_are_both_notified(
    connect_notifier, configure, send, outbox
):
    configure(ops={"BACKEND": f"{NOTIFIERS}.dummy.DummyNotifier"})
    connect_notifier(DummyNotifier())
    send(samples.FAILED)
    assert len(outbox) == 2


def test_broken_settings_do_not_affect_connected_notifiers(
    connect_notifier, settings, send, outbox
):
    settings.DJANGO_RCLONE_NOTIFY = "slack"
    connect_notifier(DummyNotifier())
    [warning] = send(samples.FAILED)
    assert "DJANGO_RCLONE_NOTIFY must be a dictionary" in warning
    assert states(outbox) == ["failed"]


def test_fault_is_reported_with_the_class_name_or_the_given_name(
    connect_notifier, configure, send, server
):
    configure()
    server.always_answer(404)
    url = f"{server.url}/{SECRET}"
    connect_notifier(SlackNotifier(webhook_url=url))
    connect_notifier(SlackNotifier(webhook_url=url), name="night watch")
    warnings = send(samples.FAILED)
    assert [warning.split(" was not")[0] for warning in warnings] == [
        '"SlackNotifier"',
        '"night watch"',
    ]
    assert SECRET not in str(warnings)


def test_disconnected_notifier_gets_nothing(configure, send, outbox):
    configure()
    disconnect = connect(DummyNotifier())
    disconnect()
    send(samples.FAILED)
    assert outbox == []


def test_same_notifier_can_be_connected_twice_and_disconnected_once(configure, send, outbox):
    configure()
    notifier = DummyNotifier()
    first = connect(notifier)
    second = connect(notifier)
    first()
    send(samples.FAILED)
    second()
    assert len(outbox) == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"states": ["faild"]},
            "connect(states=...) contains the unknown value 'faild'. Did you mean",
        ),
        ({"states": "failed"}, 'connect(states=...) must be a list. Write ["failed"].'),
        ({"states": []}, "connect(states=...) is empty."),
        (
            {"operations": ["backup"]},
            "connect(operations=...) contains the unknown value 'backup'.",
        ),
        ({"databases": ["defualt"]}, 'Did you mean "default"?'),
        ({"timeout": 0}, "connect(timeout=...) must be a number of seconds"),
    ],
)
def test_mistake_is_reported_at_once_with_the_fix(options, text):
    with pytest.raises(InvalidNotifySettings) as caught:
        connect(DummyNotifier(), **options)
    assert text in str(caught.value)


def test_timeout_option(connect_notifier, configure, send):
    configure()
    FakeSlow.may_answer.clear()
    connect_notifier(FakeSlow(), timeout=0.2)
    try:
        assert send(samples.FAILED) == [
            '"FakeSlow" was not notified that db_backup failed: no answer in time'
        ]
    finally:
        FakeSlow.may_answer.set()


def test_raising_notifier_does_not_affect_others(
    connect_notifier, configure, send, outbox, monkeypatch
):
    configure()
    monkeypatch.setattr("tests.notify.fake_notifiers.ERRORS", [SystemExit(3)])
    connect_notifier(FakeRaising())
    connect_notifier(DummyNotifier())
    assert len(send(samples.FAILED)) == 1
    assert states(outbox) == ["failed"]


def test_one_line_suffices_without_the_installed_app(tmp_path):
    """In ``AppConfig.ready()`` of a site that lists django-rclone alone."""
    (tmp_path / "shop.py").write_text(
        "from django.apps import AppConfig\n"
        "class ShopConfig(AppConfig):\n"
        "    name = 'shop'\n"
        "    path = '.'\n"
        "    def ready(self):\n"
        "        from django_rclone_notify.notifiers.dummy import DummyNotifier\n"
        "        from django_rclone_notify.receivers import connect\n"
        "        connect(DummyNotifier(), states=['failed'])\n"
    )
    (tmp_path / "run.py").write_text(
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django_rclone', 'shop.ShopConfig'],\n"
        "    DJANGO_RCLONE={'REMOTE': '/nonexistent/remote'})\n"
        "django.setup()\n"
        "from tests.notify import samples\n"
        "from django_rclone.signals import operation_changed\n"
        "from django_rclone_notify.notifiers.dummy import outbox\n"
        "for event in samples.ALL: operation_changed.send(object, event=event)\n"
        "print(*(notification.state for notification in outbox))\n"
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "run.py"],
        env={"PYTHONPATH": f"{tmp_path}:."},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.stdout, done.stderr) == ("failed\n", "")
