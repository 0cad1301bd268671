from collections.abc import Iterator
from dataclasses import replace

import pytest
import sentry_sdk
from sentry_sdk.transport import HttpTransport

from tests.loopback import Answer
from tests.notify import samples
from tests.notify.services import MONITOR, NOTIFIERS, SENTRY, check_in, sentry_dsn

SITE_CHANNEL = {
    "BACKEND": f"{NOTIFIERS}.sentry.SentryNotifier",
    "OPTIONS": {"monitor_slug": MONITOR},
}


@pytest.fixture
def site_sdk() -> Iterator[None]:
    """Leave the SDK of this process as it was found."""
    before = sentry_sdk.get_global_scope().client
    yield
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(before)


def set_up_site_sdk(dsn: str | None) -> None:
    sentry_sdk.init(
        dsn=dsn,
        environment="of-the-site",
        default_integrations=False,
        auto_enabling_integrations=False,
    )


def test_check_ins_of_one_run_share_their_id_and_carry_the_duration(server, configure, send):
    configure(ops=SENTRY.channel(server.url))
    send(samples.STARTED, samples.SUCCEEDED)
    first, last = map(check_in, server.requests)
    assert first["check_in_id"] == last["check_in_id"] == samples.RUN.replace("-", "")
    assert first["monitor_slug"] == last["monitor_slug"] == MONITOR
    assert [first["status"], last["status"]] == ["in_progress", "ok"]
    assert last["duration"] == 185.2


def test_own_client_sends_the_environment_of_the_event(server, configure, send):
    configure(ops=SENTRY.channel(server.url))
    send(samples.FAILED)
    [request] = server.requests
    assert check_in(request)["environment"] == "production"


def test_own_client_leaves_the_sdk_of_the_site_alone(server, configure, send):
    configure(ops=SENTRY.channel(server.url))
    send(samples.FAILED)
    assert len(server.requests) == 1
    assert not sentry_sdk.get_client().is_active()


def test_sdk_of_the_site_is_used_without_a_dsn(server, configure, send, log, site_sdk):
    set_up_site_sdk(sentry_dsn(server.url))
    configure(ops=SITE_CHANNEL)
    send(*samples.ALL)
    check_ins = [check_in(request) for request in server.requests]
    assert [one["status"] for one in check_ins] == ["in_progress", "ok", "error"]
    assert {one["environment"] for one in check_ins} == {"of-the-site"}
    assert log.warnings == []


def test_sdk_of_the_site_is_listened_to_only_meanwhile(server, configure, send, site_sdk):
    set_up_site_sdk(sentry_dsn(server.url))
    transport = sentry_sdk.get_client().transport
    assert isinstance(transport, HttpTransport)
    before = transport.on_dropped_event
    configure(ops=SITE_CHANNEL)
    server.always_answer(404)
    send(samples.FAILED)
    assert transport.on_dropped_event == before


def test_refusal_is_seen_with_the_sdk_of_the_site_too(server, configure, send, log, site_sdk):
    set_up_site_sdk(sentry_dsn(server.url))
    configure(ops=SITE_CHANNEL)
    server.always_answer(Answer(status=404))
    send(samples.FAILED)
    [warning] = log.warnings
    assert "status_404" in warning


@pytest.mark.parametrize("dsn", [None, ""], ids=["without dsn", "empty dsn"])
def test_sdk_that_cannot_send_is_told_with_the_fix(dsn, configure, send, log, site_sdk):
    set_up_site_sdk(dsn)
    configure(ops=SITE_CHANNEL)
    send(samples.FAILED)
    [warning] = log.warnings
    assert "sentry_sdk.init" in warning


def test_sdk_that_was_never_set_up_is_told_with_the_fix(configure, send, log):
    configure(ops=SITE_CHANNEL)
    send(samples.FAILED)
    [warning] = log.warnings
    assert "sentry_sdk.init" in warning


def test_event_without_environment_is_sent(server, configure, send, log):
    configure(ops=SENTRY.channel(server.url))
    send(replace(samples.FAILED, environment=""))
    assert len(server.requests) == 1
    assert log.warnings == []
