"""What others who watch the process are shown: the site's Sentry SDK above all."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from django_rclone_notify.exceptions import InvalidOption
from django_rclone_notify.notifiers.slack.notifier import SlackNotifier
from django_rclone_notify.secrets import Secret
from django_rclone_notify.transport.privacy import unobserved
from tests.notify import custom, samples, sentry_rules, services
from tests.notify.places import GONE, SECRET
from tests.support.http_server import LoopbackServer


class Captured(Transport):
    """Keeps what the SDK of the site would send."""

    def __init__(self) -> None:
        super().__init__({})
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)

    @property
    def everything(self) -> str:
        return b"".join(envelope.serialize() for envelope in self.envelopes).decode()


@pytest.fixture
def curious_sdk() -> Iterator[Captured]:
    """An SDK that captures as much as it can: every warning, with stacks and local variables."""
    before = sentry_sdk.get_global_scope().client
    captured = Captured()
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=captured,
        attach_stacktrace=True,
        include_local_variables=True,
        traces_sample_rate=1.0,
        integrations=[LoggingIntegration(level=logging.DEBUG, event_level=logging.WARNING)],
    )
    yield captured
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(before)


@pytest.mark.parametrize("service", services.ALL, ids=lambda service: service.name)
@pytest.mark.parametrize("trouble", ["none", "404", GONE])
def test_sentry_of_the_site_sees_no_secret(service, trouble, place, curious_sdk, configure, send):
    if trouble != "none":
        place.suffer(trouble)
    configure(ops=service.channel(place, TIMEOUT=2.0))
    with sentry_sdk.start_transaction(name="nightly"):
        send(samples.FAILED)
    sentry_sdk.capture_message("what was noted on the way")
    assert "what was noted on the way" in curious_sdk.everything
    assert SECRET not in curious_sdk.everything


def test_request_to_a_service_carries_no_header_of_the_sdk(server, curious_sdk, configure, send):
    configure(ops={"BACKEND": services.SLACK.backend, "OPTIONS": {"webhook_url": server.url}})
    with sentry_sdk.start_transaction(name="nightly"):
        send(samples.FAILED)
    [request] = server.requests
    assert "sentry-trace" not in request.headers
    assert "baggage" not in request.headers


def test_dsn_in_the_environment_opens_no_eye(server, curious_sdk, configure, send, monkeypatch):
    with LoopbackServer() as elsewhere:
        monkeypatch.setenv("SENTRY_DSN", sentry_rules.dsn(elsewhere.url))
        options = {"webhook_url": server.url}
        configure(ops={"BACKEND": services.SLACK.backend, "OPTIONS": options})
        with unobserved():
            assert sentry_sdk.get_client().transport is None
            sentry_sdk.capture_message("unheard")
        send(samples.FAILED)
        assert elsewhere.requests == []
    assert "unheard" not in curious_sdk.everything


def test_sdk_goes_on_as_before_afterwards(server, curious_sdk, configure, send):
    client = sentry_sdk.get_client()
    configure(ops={"BACKEND": services.SLACK.backend, "OPTIONS": {"webhook_url": server.url}})
    send(samples.FAILED)
    assert sentry_sdk.get_client() is client


def test_foreign_error_with_secrets_in_its_frames_is_not_captured(
    curious_sdk, configure, send, monkeypatch
):
    monkeypatch.setattr(custom, "BOOM", [RuntimeError(f"https://x/{SECRET}")])
    backend = "tests.notify.custom.FakeRaising"
    configure(ops={"BACKEND": backend, "OPTIONS": {"token": SECRET}})
    send(samples.FAILED)
    assert "was not notified" in curious_sdk.everything
    assert SECRET not in curious_sdk.everything


def test_notifier_made_by_hand_shows_no_wrapped_secret_when_it_is_refused(curious_sdk):
    def ready(webhook: Secret) -> None:
        SlackNotifier(webhook_url=webhook, include_error="no")  # type: ignore[arg-type]

    with pytest.raises(InvalidOption) as caught:
        ready(Secret(f"https://hooks.example/{SECRET}"))
    sentry_sdk.capture_exception(caught.value)
    assert "include_error" in curious_sdk.everything
    assert SECRET not in curious_sdk.everything


def test_failed_delivery_by_hand_shows_no_secret(curious_sdk, server):
    server.always_answer(404)
    notifier = SlackNotifier(webhook_url=f"{server.url}/{SECRET}")
    try:
        notifier.notify(samples.FAILURE)
    except Exception as error:
        sentry_sdk.capture_exception(error)
    assert "HTTP 404" in curious_sdk.everything
    assert SECRET not in curious_sdk.everything


@pytest.mark.parametrize("show", [str, repr, "{}".format, "%s".__mod__], ids=range(4))
def test_secret_shows_itself_to_nobody(show: Any):
    secret = Secret("abc")
    assert show(secret) == "***"
    assert show([secret]).strip("[]") == "***"
    assert secret.reveal() == "abc"


def test_secrets_are_equal_by_their_text():
    assert Secret("abc") == Secret("abc")
    assert Secret("abc") != Secret("abd")
    assert Secret("abc") != "abc"
    assert len({Secret("abc"), Secret("abc")}) == 1
