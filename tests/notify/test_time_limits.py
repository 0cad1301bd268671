"""Slow, dead and many channels: how long a command waits, and what it says."""

import contextlib
import subprocess
import sys
import threading
import time

import pytest

from django_rclone_notify.notifiers.slack.notifier import SlackNotifier
from django_rclone_notify.receivers import deliver
from tests.notify import samples, services
from tests.notify.conftest import settle
from tests.notify.custom import FakeSlow
from tests.notify.services import NOTIFIERS
from tests.support.http_server import Answer

DUMMY = {"BACKEND": f"{NOTIFIERS}.dummy.DummyNotifier"}
SLOW = {"BACKEND": "tests.notify.custom.FakeSlow", "TIMEOUT": 0.5}
LATE = "was not notified that db_backup failed: no answer in time"


@pytest.fixture
def slow():
    """Let the slow notifier answer at the end, and wait for its threads."""
    FakeSlow.may_answer.clear()
    FakeSlow.delivered.clear()
    yield FakeSlow
    FakeSlow.may_answer.set()
    settle()


def test_channel_that_hangs_is_left_behind_and_the_others_are_served(slow, configure, send, outbox):
    configure(first=SLOW, second=DUMMY, third=SLOW)
    assert send(samples.FAILED) == [f'"first" {LATE}', f'"third" {LATE}']
    assert [notice.event for notice in outbox] == [samples.FAILED]
    assert slow.delivered == []


def test_channels_are_notified_at_the_same_time(server, configure, send):
    arrived = threading.Barrier(3)

    def together(request):
        arrived.wait(timeout=20)
        return Answer()

    server.always_answer(together)
    slack = {"BACKEND": services.SLACK.backend, "OPTIONS": {"webhook_url": server.url}}
    # Each is answered only when all three are there.
    configure(first=slack, second=slack, third=slack)
    assert send(samples.FAILED) == []


def test_operation_does_not_wait_for_its_start_to_be_told(slow, configure, send):
    configure(ops={**SLOW, "TIMEOUT": 60})
    assert deliver(object, event=samples.STARTED) == ()
    assert slow.delivered == []
    slow.may_answer.set()
    assert deliver(object, event=samples.SUCCEEDED) == ()
    assert slow.delivered == ["started", "succeeded"]


def test_start_that_is_late_does_not_take_the_time_of_the_outcome(slow, configure, log):
    configure(ops={**SLOW, "STATES": ["started"]}, kept=DUMMY)
    deliver(object, event=samples.STARTED)
    [warning] = deliver(object, event=samples.FAILED)
    assert warning == '"ops" was not notified that db_backup started: no answer in time'


def test_start_is_waited_for_even_if_the_outcome_is_not_wanted(slow, configure):
    configure(ops={**SLOW, "STATES": ["started"], "TIMEOUT": 60})
    deliver(object, event=samples.STARTED)
    release = threading.Timer(0.1, slow.may_answer.set)
    release.start()
    assert deliver(object, event=samples.FAILED) == ()
    release.join()
    assert slow.delivered == ["started"]


def test_slow_answer_counts_as_long_as_it_is_in_time(server, configure, send):
    options = {"webhook_url": server.url}
    configure(ops={"BACKEND": services.SLACK.backend, "OPTIONS": options, "TIMEOUT": 20})
    server.answer_with(Answer(delay=0.3))
    assert send(samples.FAILED) == []


def test_notifier_used_outside_a_delivery_has_the_default_time(server):
    assert SlackNotifier(webhook_url=server.url).notify(samples.FAILURE) == "200 OK"


def test_database_used_by_a_notifier_leaves_no_connection_behind(site, configure, send):
    configure(ops={"BACKEND": "tests.notify.custom.FakeDatabaseUser"})
    assert send(samples.FAILED) == []


def test_thread_that_hangs_does_not_keep_the_process_alive(tmp_path):
    script = tmp_path / "hang.py"
    script.write_text(
        "import time\n"
        "import django\n"
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['django_rclone_notify'])\n"
        "django.setup()\n"
        "from django_rclone_notify.errands import Errand\n"
        "errand = Errand(lambda: time.sleep(300) or 'done', name='test')\n"
        "print(errand.wait(time.monotonic() + 0.05, otherwise='late'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", script],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("late\n", "", 0)


# What Apprise itself warns of, on Python 3.11 and 3.12, is nothing of ours.
STRICT = {
    "PYTHONDEVMODE": "1",
    "PYTHONWARNINGS": "ignore:'imghdr' is deprecated:DeprecationWarning",
}


def test_with_every_channel_dead_a_backup_costs_one_time_limit_and_says_who_did_not_hear(
    site, tmp_path
):
    limit = 6.0
    began = time.monotonic()
    assert site.manage("dbbackup").returncode == 0
    unobserved = time.monotonic() - began

    channels, settings = {}, ""
    with contextlib.ExitStack() as places:
        for service in services.ALL:
            place = places.enter_context(service.open(tmp_path))
            place.suffer("hangs")
            channels[service.name] = service.channel(
                place, STATES=services.EVERY_STATE, TIMEOUT=limit
            )
            settings += place.settings
        site.extra_settings = f"DJANGO_RCLONE_NOTIFY = {channels!r}\n{settings}"
        began = time.monotonic()
        process = site.manage("dbbackup", env=STRICT)
        observed = time.monotonic() - began

    assert process.returncode == 0, process.stderr
    assert len(site.backups()) == 2
    lines = process.stderr.splitlines()
    for name in channels:
        for state in ("started", "succeeded"):
            beginning = f'Warning: "{name}" was not notified that db_backup {state}: '
            assert len([line for line in lines if line.startswith(beginning)]) == 1
    assert len(lines) == 2 * len(channels)
    # A limit for the start and one for the outcome, or one after the other, would be 12 s or
    # more. The rest is for a busy machine.
    assert observed - unobserved < 2 * limit - 1
