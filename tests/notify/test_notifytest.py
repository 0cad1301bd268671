import io
import logging
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from django_rclone_notify.notifiers.dummy import DummyNotifier
from django_rclone_notify.receivers import connect
from tests.notify import services
from tests.notify.endpoints import SECRET
from tests.notify.services import NOTIFIERS, SLACK
from tests.support.http_server import Answer, refusing_url

DUMMY = {"BACKEND": f"{NOTIFIERS}.dummy.DummyNotifier"}


def notifytest(*args):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("notifytest", *args, stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        return error, out.getvalue(), err.getvalue()
    return None, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("state", services.ALL_STATES)
@pytest.mark.parametrize("service", services.ALL, ids=lambda service: service.name)
def test_sample_reaches_the_service_and_is_marked(service, state, endpoint, configure):
    configure(ops=service.channel(endpoint))
    error, out, err = notifytest("--state", state)
    assert error is None
    heartbeat = {"recovered": "succeeded"}
    assert endpoint.states() == [heartbeat.get(state, state) if service.heartbeat else state]
    assert b"TEST" in endpoint.received()
    name = service.backend.rpartition(".")[2]
    assert out.startswith(f'ops: {name} sent "{state}": ')
    assert err == ""
    assert SECRET not in out


def test_answer_of_the_service_is_shown(server, configure):
    configure(chat={"BACKEND": SLACK.backend, "OPTIONS": {"webhook_url": server.url}})
    server.answer_with(Answer(body=b"ok"))
    _, out, _ = notifytest("--state", "failed")
    assert out.startswith('chat: SlackNotifier sent "failed": 200 ok\n')


def test_filters_do_not_apply_and_the_output_says_so(configure, outbox):
    configure(ops={**DUMMY, "STATES": ["started"], "OPERATIONS": ["media_backup"]})
    error, out, _ = notifytest()
    assert error is None
    assert [notification.state for notification in outbox] == ["succeeded"]
    assert "Its filters would exclude a real notification like this one." in out


@pytest.mark.parametrize(
    ("keys", "excluded"),
    [
        ({"ENVIRONMENTS": ["production"]}, False),
        ({"DATABASES": ["default", "billing"]}, False),
        ({"ENVIRONMENTS": ["staging"]}, True),
        ({"STATES": ["started"]}, True),
    ],
)
def test_filters_are_judged_as_those_of_a_real_operation_of_this_site(
    keys, excluded, configure, outbox, settings
):
    settings.DJANGO_RCLONE = {"ENVIRONMENT": "production"}
    configure(ops={**DUMMY, "STATES": ["failed"], **keys})
    _, out, _ = notifytest("--state", "failed")
    assert ("Its filters would exclude" in out) == excluded


def test_a_cache_that_forgets_is_remarked_where_recoveries_are_awaited(configure, outbox, settings):
    configure(
        ops={**DUMMY, "STATES": ["failed", "recovered"]},
        log={**DUMMY, "STATES": ["succeeded", "recovered"]},
    )
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    assert notifytest("ops")[1].count("It would not learn of recoveries") == 1
    assert "recoveries" not in notifytest("log")[1]
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "x"}
    }
    assert "recoveries" not in notifytest("ops")[1]


@pytest.mark.parametrize(
    ("level", "shown"), [(None, False), (logging.WARNING, False), (logging.INFO, True)]
)
def test_a_log_that_shows_nothing_is_remarked(level, shown, configure, monkeypatch):
    configure(
        log={
            "BACKEND": f"{NOTIFIERS}.logging.LoggingNotifier",
            "OPTIONS": {"logger": "of.the.test"},
        }
    )
    logger = logging.getLogger("of.the.test")
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(
        logger, "handlers", [] if level is None else [logging.StreamHandler(io.StringIO())]
    )
    logger.setLevel(level or logging.NOTSET)
    _, out, _ = notifytest("log")
    assert ("no handler in LOGGING shows records of this logger at level INFO" in out) != shown


def test_each_channel_is_reported_and_one_failure_fails_the_command(server, configure, outbox):
    server.always_answer(404)
    with refusing_url() as url:
        configure(
            chat={"BACKEND": SLACK.backend, "OPTIONS": {"webhook_url": f"{url}/{SECRET}"}},
            gone={"BACKEND": SLACK.backend, "OPTIONS": {"webhook_url": f"{server.url}/{SECRET}"}},
            wrong={**DUMMY, "STATE": ["failed"]},
            faulty={"BACKEND": "tests.notify.fake_notifiers.FakeUnbuildable"},
            kept=DUMMY,
        )
        error, out, err = notifytest()
    assert str(error) == "Not delivered to: chat, gone, wrong, faulty"
    assert error.returncode == 1
    assert out == 'kept: DummyNotifier sent "succeeded": kept in the outbox\n'
    unknown = (
        'DJANGO_RCLONE_NOTIFY["wrong"]["STATE"] is unknown. Did you mean "STATES"? '
        "Known: BACKEND, DATABASES, ENVIRONMENTS, OPERATIONS, OPTIONS, STATES, TIMEOUT."
    )
    assert err.splitlines() == [
        "chat: failed: No connection to 127.0.0.1",
        "  Is the service up, and can this machine reach it? Then try again.",
        "gone: failed: 127.0.0.1 answered with HTTP 404 (OK)",
        "  Retrying will not help: change the channel's OPTIONS, or the service.",
        f"wrong: failed: {unknown}",
        '  Fix it; "manage.py check" lists all mistakes at once.',
        "faulty: failed: RuntimeError at fake_notifiers.py:26",
        "  This looks like a bug in the notifier: run its tests.",
    ]
    assert SECRET not in out + err


def test_channel_connected_in_code_can_be_tested(configure, outbox):
    configure(ops=DUMMY)
    disconnect = connect(DummyNotifier(), name="in code")
    try:
        error, out, _ = notifytest("in code")
        assert [line.split(":")[0] for line in notifytest()[1].splitlines()] == ["ops", "in code"]
    finally:
        disconnect()
    assert error is None
    assert out.startswith("in code: DummyNotifier sent")


def test_only_the_named_channels_are_tested_once_each(configure, outbox):
    configure(first=DUMMY, second=DUMMY, third=DUMMY)
    _, out, _ = notifytest("third", "first", "third")
    assert [line.split(":")[0] for line in out.splitlines()] == ["third", "first"]
    assert len(outbox) == 2


def test_unknown_channel_is_reported_with_the_closest(configure):
    configure(ops=DUMMY, chat=DUMMY)
    error, _, _ = notifytest("opps")
    assert str(error) == 'Unknown channel "opps". Did you mean "ops"? Known: chat, ops.'


def test_nothing_to_test_is_an_error(configure):
    configure()
    error, _, _ = notifytest()
    assert "No channels to test" in str(error)


def test_broken_setting_is_an_error(settings):
    settings.DJANGO_RCLONE_NOTIFY = "slack"
    error, _, _ = notifytest()
    assert "must be a dictionary" in str(error)


def test_exit_status_of_the_process_is_1_when_a_channel_failed(tmp_path):
    script = tmp_path / "manage.py"
    script.write_text(
        "from django.conf import settings\n"
        "from django.core.management import execute_from_command_line\n"
        "settings.configure(INSTALLED_APPS=['django_rclone_notify'], DJANGO_RCLONE_NOTIFY={\n"
        "    'ops': {'BACKEND': 'no.such.Notifier'}})\n"
        "execute_from_command_line()\n"
    )
    done = subprocess.run(
        [sys.executable, script, "notifytest"], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 1
    assert "CommandError: Not delivered to: ops" in done.stderr
    assert "Traceback" not in done.stderr
