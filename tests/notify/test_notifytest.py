import io
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from tests.loopback import refusing_url
from tests.notify import services
from tests.notify.services import HEALTHCHECKS, NOTIFIERS, SENTRY, SLACK

DUMMY = {"BACKEND": f"{NOTIFIERS}.dummy.DummyNotifier"}


def notifytest(*args):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("notifytest", *args, stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        return error, out.getvalue(), err.getvalue()
    return None, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("state", services.EVERY_STATE)
@pytest.mark.parametrize("service", services.ALL, ids=lambda service: service.name)
def test_sample_reaches_the_service_and_is_marked(service, state, server, configure):
    configure(ops=service.channel(server.url))
    error, out, err = notifytest("--state", state)
    assert error is None
    [request] = server.requests
    assert service.told(request) == state
    if service is not SENTRY:
        assert "[TEST]" in request.text
        assert "no-backup-ran" in request.text
    assert out.splitlines() == [f"ops: delivered by {service.backend.rpartition('.')[2]}"]
    assert err == ""


def test_filters_do_not_apply(configure, outbox):
    configure(ops={**DUMMY, "STATES": ["started"], "OPERATIONS": ["media_backup"]})
    error, _, _ = notifytest()
    assert error is None
    assert [event.state for event in outbox] == ["succeeded"]


def test_each_channel_is_told_and_one_failure_fails_the_command(server, configure, outbox):
    with refusing_url() as url:
        configure(
            chat=SLACK.channel(url),
            wrong={**DUMMY, "STATE": ["failed"]},
            beat=HEALTHCHECKS.channel(server.url),
            kept=DUMMY,
        )
        error, out, err = notifytest()
    assert str(error) == "Not delivered to: chat, wrong"
    assert error.returncode == 1
    assert [line.split(":")[0] for line in out.splitlines()] == ["beat", "kept"]
    chat, wrong = err.splitlines()
    assert chat == "chat: failed: No connection to 127.0.0.1"
    assert 'DJANGO_RCLONE_NOTIFY["wrong"]["STATE"] is unknown. Did you mean "STATES"?' in wrong
    assert services.SECRET not in out + err


def test_only_the_named_channels_are_tested_once_each(configure, outbox):
    configure(first=DUMMY, second=DUMMY, third=DUMMY)
    _, out, _ = notifytest("third", "first", "third")
    assert [line.split(":")[0] for line in out.splitlines()] == ["third", "first"]
    assert len(outbox) == 2


def test_unknown_channel_is_told_with_the_nearest(configure):
    configure(ops=DUMMY, chat=DUMMY)
    error, _, _ = notifytest("opps")
    assert str(error) == 'No channel "opps". Did you mean "ops"? Known: chat, ops.'


def test_nothing_to_test_is_an_error(configure):
    configure()
    error, _, _ = notifytest()
    assert "names no channel" in str(error)


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
        [sys.executable, script, "notifytest"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "CommandError: Not delivered to: ops" in done.stderr
    assert "Traceback" not in done.stderr
