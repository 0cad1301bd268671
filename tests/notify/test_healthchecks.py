from dataclasses import replace

import pytest

from django_rclone.events import Operation
from django_rclone_notify.notifiers.healthchecks import signal_url
from tests.loopback import Answer
from tests.notify import samples
from tests.notify.services import HEALTHCHECKS


def test_every_state_is_pinged_with_the_run_by_default(server, configure, send):
    configure(ops=HEALTHCHECKS.channel(server.url))
    send(samples.STARTED, samples.SUCCEEDED)
    assert [HEALTHCHECKS.told(request) for request in server.requests] == ["started", "succeeded"]
    assert [request.query for request in server.requests] == [{"rid": [samples.RUN]}] * 2


def test_run_is_in_the_canonical_form_that_the_service_wants():
    target = signal_url("https://hc-ping.com/check", "/fail", samples.RUN.replace("-", ""))
    assert target == f"https://hc-ping.com/check/fail?rid={samples.RUN}"


def test_query_of_the_address_stays():
    target = signal_url("https://hc-ping.com/key/slug?create=1", "/start", samples.RUN)
    assert target == f"https://hc-ping.com/key/slug/start?create=1&rid={samples.RUN}"


def test_check_can_be_named_by_key_and_slug(server, configure, send):
    channel = HEALTHCHECKS.channel(server.url)
    channel["OPTIONS"] = {"ping_key": "k/1", "slug": "nightly", "base_url": f"{server.url}/ping/"}
    configure(ops=channel)
    send(samples.FAILED)
    [request] = server.requests
    assert request.path == "/ping/k%2F1/nightly/fail"


def test_words_of_the_error_are_sent_only_when_asked_for(server, configure, send):
    configure(
        quiet=HEALTHCHECKS.channel(server.url),
        telling=HEALTHCHECKS.channel(server.url, OPTIONS={"include_error": True}),
    )
    send(samples.FAILED)
    quiet, telling = (request.text for request in server.requests)
    assert "RcloneError" in quiet
    assert "quota exceeded" not in quiet
    assert "quota exceeded" in telling


def test_media_backup_is_a_heartbeat(server, configure, send):
    configure(ops=HEALTHCHECKS.channel(server.url))
    send(replace(samples.SUCCEEDED, operation=Operation.MEDIA_BACKUP, database=None))
    [request] = server.requests
    assert "Backup of media succeeded" in request.text


@pytest.mark.parametrize("answer", [b"OK (not found)", b"OK (rate limited)"])
def test_ping_that_does_not_count_is_a_failure(answer, server, configure, send, log):
    configure(ops=HEALTHCHECKS.channel(server.url))
    server.always_answer(Answer(body=answer))
    send(samples.SUCCEEDED)
    assert len(log.warnings) == 1
