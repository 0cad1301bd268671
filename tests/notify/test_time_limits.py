"""Slow, dead and many channels: how long a command waits, and the warnings."""

import contextlib
import subprocess
import sys
import threading
import time

import pytest

from django_rclone_notify.notifiers.slack.notifier import SlackNotifier
from django_rclone_notify.receivers import deliver
from tests.notify import samples, services
from tests.notify.conftest import wait_for_deliveries
from tests.notify.fake_notifiers import FakeSlow
from tests.notify.services import NOTIFIERS
from tests.support.http_server import Answer

DUMMY = {"BACKEND": f"{NOTIFIERS}.dummy.DummyNotifier"}
SLOW = {"BACKEND": "tests.notify.fake_notifiers.FakeSlow", "TIMEOUT": 0.5}
LATE = "was not notified that db_backup failed: no answer in time"


@pytest.fixture
def slow():
    """Let the slow notifier answer after the test, and wait for its threads."""
    FakeSlow.may_answer.clear()
    FakeSlow.delivered.clear()
    yield FakeSlow
    FakeSlow.may_answer.set()
    wait_for_deliveries()


def test_hanging_channel_is_abandoned_and_others_still_deliver(slow, configure, send, outbox):
    configure(first=SLOW, second=DUMMY, third=SLOW)
    assert send(samples.FAILED) == [f'"first" {LATE}', f'"third" {LATE}']
    assert [notification.event for notification in outbox] == [samples.FAILED]
    assert slow.delivered == []


def test_channels_are_notified_at_the_same_time(server, configure, send):
    arrived = threading.Barrier(3)

    def together(request):
        arrived.wait(timeout=20)
        return Answer()

    server.always_answer(together)
    slack = {"BACKEND": services.SLACK.backend, "OPTIONS": {"webhook_url": server.url}}
    # Each is answered only when all three have arrived.
    configure(first=slack, second=slack, third=slack)
    assert send(samples.FAILED) == []


def test_operation_does_not_wait_for_the_delivery_of_its_start(slow, configure, send):
    configure(ops={**SLOW, "TIMEOUT": 60})
    assert deliver(object, event=samples.STARTED) == ()
    assert slow.delivered == []
    slow.may_answer.set()
    assert deliver(object, event=samples.SUCCEEDED) == ()
    assert slow.delivered == ["started", "succeeded"]


def test_late_start_does_not_use_up_the_time_of_the_outcome(slow, configure, log):
    configure(ops={**SLOW, "STATES": ["started"]}, kept=DUMMY)
    deliver(object, event=samples.STARTED)
    [warning] = deliver(object, event=samples.FAILED)
    assert warning == '"ops" was not notified that db_backup started: no answer in time'


def test_start_is_awaited_even_if_the_outcome_is_filtered_out(slow, configure):
    configure(ops={**SLOW, "STATES": ["started"], "TIMEOUT": 60})
    deliver(object, event=samples.STARTED)
    release = threading.Timer(0.1, slow.may_answer.set)
    release.start()
    assert deliver(object, event=samples.FAILED) == ()
    release.join()
    assert slow.delivered == ["started"]


def test_slow_answer_within_the_time_limit_counts(server, configure, send):
    options = {"webhook_url": server.url}
    configure(ops={"BACKEND": services.SLACK.backend, "OPTIONS": options, "TIMEOUT": 20})
    server.answer_with(Answer(delay=0.3))
    assert send(samples.FAILED) == []


def test_notifier_outside_a_delivery_has_the_default_time_limit(server):
    assert SlackNotifier(webhook_url=server.url).notify(samples.FAILURE) == "200 OK"


def test_database_connection_of_a_notifier_is_closed(site, configure, send):
    configure(ops={"BACKEND": "tests.notify.fake_notifiers.FakeDatabaseUser"})
    assert send(samples.FAILED) == []


def test_hanging_thread_does_not_keep_the_process_alive(tmp_path):
    script = tmp_path / "hang.py"
    script.write_text(
        "import time\n"
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django_rclone_notify'])\n"
        "django.setup()\n"
        "from django_rclone_notify.dispatch import BackgroundTask\n"
        "task = BackgroundTask(lambda: time.sleep(300) or 'done', name='test')\n"
        "print(task.wait(time.monotonic() + 0.05, default='late'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", script],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("late\n", "", 0)


# Apprise itself causes this warning on Python 3.11 and 3.12.
STRICT = {
    "PYTHONDEVMODE": "1",
    "PYTHONWARNINGS": "ignore:'imghdr' is deprecated:DeprecationWarning",
}


@pytest.mark.thorough
def test_backup_waits_for_all_dead_channels_at_once_and_names_each_of_them(site, tmp_path):
    limit = 6.0
    began = time.monotonic()
    assert site.manage("dbbackup").returncode == 0
    without = time.monotonic() - began

    hanging = [service for service in services.ALL if "hangs" in service.faults]
    channels, settings = {}, ""
    with contextlib.ExitStack() as endpoints:
        for service in hanging:
            endpoint = endpoints.enter_context(service.open(tmp_path))
            endpoint.fail_with("hangs")
            channels[service.name] = service.channel(
                endpoint, STATES=services.ALL_STATES, TIMEOUT=limit
            )
            settings += endpoint.settings
        site.extra_settings = f"DJANGO_RCLONE_NOTIFY = {channels!r}\n{settings}"
        began = time.monotonic()
        process = site.manage("dbbackup", env=STRICT)
        with_channels = time.monotonic() - began

    assert process.returncode == 0, process.stderr
    assert len(site.backups()) == 2
    lines = process.stderr.splitlines()
    for name in channels:
        for state in ("started", "succeeded"):
            beginning = f'Warning: "{name}" was not notified that db_backup {state}: '
            assert len([line for line in lines if line.startswith(beginning)]) == 1
    assert len(lines) == 2 * len(channels)
    # One after the other they would take twice as long, for the outcome alone.
    assert with_channels - without < len(channels) * limit / 2
