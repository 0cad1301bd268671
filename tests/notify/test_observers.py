"""Monitoring of the process, above all the site's Sentry SDK, sees no secrets."""

import logging
from collections.abc import Iterator

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

from django_rclone_notify.exceptions import InvalidOption
from django_rclone_notify.notifiers.slack.notifier import SlackNotifier
from django_rclone_notify.secrets import Secret
from django_rclone_notify.transport.privacy import hidden_from_monitoring
from tests.notify import fake_notifiers, fake_sentry, samples, services
from tests.notify.endpoints import GONE, SECRET
from tests.support.http_server import LoopbackServer


class FakeTransport(Transport):
    """Keeps the envelopes of the site's SDK."""

    def __init__(self) -> None:
        super().__init__({})
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)

    @property
    def everything(self) -> str:
        return b"".join(envelope.serialize() for envelope in self.envelopes).decode()


@pytest.fixture
def site_sdk() -> Iterator[FakeTransport]:
    """The site's SDK, capturing all it can: every warning, with stacks and local variables."""
    before = sentry_sdk.get_global_scope().client
    transport = FakeTransport()
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=transport,
        attach_stacktrace=True,
        include_local_variables=True,
        traces_sample_rate=1.0,
        integrations=[LoggingIntegration(level=logging.DEBUG, event_level=logging.WARNING)],
    )
    yield transport
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(before)


@pytest.mark.parametrize("service", services.ALL, ids=lambda service: service.name)
@pytest.mark.parametrize("fault", ["none", "404", GONE])
def test_sentry_of_the_site_sees_no_secret(service, fault, endpoint, site_sdk, configure, send):
    if fault != "none":
        endpoint.fail_with(fault)
    configure(ops=service.channel(endpoint, TIMEOUT=2.0))
    with sentry_sdk.start_transaction(name="nightly"):
        send(samples.FAILED)
    sentry_sdk.capture_message("a message of the site")
    assert "a message of the site" in site_sdk.everything
    assert SECRET not in site_sdk.everything


def test_request_to_a_service_carries_no_header_of_the_sdk(server, site_sdk, configure, send):
    configure(ops={"BACKEND": services.SLACK.backend, "OPTIONS": {"webhook_url": server.url}})
    with sentry_sdk.start_transaction(name="nightly"):
        send(samples.FAILED)
    [request] = server.requests
    assert "sentry-trace" not in request.headers
    assert "baggage" not in request.headers


def test_sentry_dsn_in_the_environment_is_ignored(server, site_sdk, configure, send, monkeypatch):
    with LoopbackServer() as elsewhere:
        monkeypatch.setenv("SENTRY_DSN", fake_sentry.dsn(elsewhere.url))
        options = {"webhook_url": server.url}
        configure(ops={"BACKEND": services.SLACK.backend, "OPTIONS": options})
        with hidden_from_monitoring():
            assert sentry_sdk.get_client().transport is None
            sentry_sdk.capture_message("hidden message")
        send(samples.FAILED)
        assert elsewhere.requests == []
    assert "hidden message" not in site_sdk.everything


def test_sdk_of_the_site_is_active_again_afterwards(server, site_sdk, configure, send):
    client = sentry_sdk.get_client()
    configure(ops={"BACKEND": services.SLACK.backend, "OPTIONS": {"webhook_url": server.url}})
    send(samples.FAILED)
    assert sentry_sdk.get_client() is client


def test_unknown_error_with_secrets_in_its_frames_is_not_captured(
    site_sdk, configure, send, monkeypatch
):
    monkeypatch.setattr(fake_notifiers, "ERRORS", [RuntimeError(f"https://x/{SECRET}")])
    backend = "tests.notify.fake_notifiers.FakeRaising"
    configure(ops={"BACKEND": backend, "OPTIONS": {"token": SECRET}})
    send(samples.FAILED)
    assert "was not notified" in site_sdk.everything
    assert SECRET not in site_sdk.everything


def test_invalid_option_in_code_shows_no_secret(site_sdk):
    def ready(webhook: Secret) -> None:
        SlackNotifier(webhook_url=webhook, include_error="no")  # type: ignore[arg-type]

    with pytest.raises(InvalidOption) as caught:
        ready(Secret(f"https://hooks.example/{SECRET}"))
    sentry_sdk.capture_exception(caught.value)
    assert "include_error" in site_sdk.everything
    assert SECRET not in site_sdk.everything


def test_failed_delivery_in_code_shows_no_secret(site_sdk, server):
    server.always_answer(404)
    notifier = SlackNotifier(webhook_url=f"{server.url}/{SECRET}")
    try:
        notifier.notify(samples.FAILURE)
    except Exception as error:
        sentry_sdk.capture_exception(error)
    assert "HTTP 404" in site_sdk.everything
    assert SECRET not in site_sdk.everything
