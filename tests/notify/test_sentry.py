import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import sentry_sdk
from sentry_sdk.transport import HttpTransport

from django_rclone.events import Operation
from django_rclone_notify.notifiers.sentry.notifier import SentryNotifier
from django_rclone_notify.notifiers.sentry.payload import issue as issue_of
from tests.notify import samples
from tests.notify.fake_sentry import check_in, dsn, issue, items
from tests.notify.services import MONITOR, NOTIFIERS
from tests.support.http_server import Answer

BACKEND = f"{NOTIFIERS}.sentry.SentryNotifier"
SITE_CHANNEL = {"BACKEND": BACKEND, "OPTIONS": {"monitor_slug": MONITOR}}


@pytest.fixture
def site_sdk() -> Iterator[None]:
    """Leave the SDK of this process as it was found."""
    before = sentry_sdk.get_global_scope().client
    yield
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(before)


def set_up_site_sdk(dsn: str | None, **options) -> None:
    sentry_sdk.init(
        dsn=dsn,
        environment="of-the-site",
        default_integrations=False,
        auto_enabling_integrations=False,
        **options,
    )


@pytest.fixture
def own(server, configure):
    """Use a client of the notifier's own, with further options."""

    def use(**options):
        options = {"monitor_slug": MONITOR, "dsn": dsn(server.url), **options}
        configure(ops={"BACKEND": BACKEND, "OPTIONS": options})

    return use


def kinds(server):
    return [kind for request in server.requests for kind, _ in items(request)]


def test_check_ins_share_the_operation_id_and_the_last_has_the_duration(server, own, send):
    own()
    assert send(samples.STARTED, samples.SUCCEEDED) == []
    first, last = map(check_in, server.requests)
    assert first["check_in_id"] == last["check_in_id"] == samples.RUN.replace("-", "")
    assert first["monitor_slug"] == last["monitor_slug"] == MONITOR
    assert [first["status"], last["status"]] == ["in_progress", "ok"]
    assert last["duration"] == 185.2
    assert "monitor_config" not in last


def test_schedule_creates_or_updates_the_monitor(server, own, send):
    own(schedule="0 3  * * *", timezone="Europe/Vienna", checkin_margin=30, max_runtime=120)
    send(samples.STARTED)
    [request] = server.requests
    assert check_in(request)["monitor_config"] == {
        "schedule": {"type": "crontab", "value": "0 3 * * *"},
        "timezone": "Europe/Vienna",
        "checkin_margin": 30,
        "max_runtime": 120,
    }


def test_schedule_can_be_an_interval(server, own, send):
    own(schedule=(6, "hour"))
    send(samples.STARTED)
    config = check_in(server.requests[0])["monitor_config"]
    assert config["schedule"] == {"type": "interval", "value": 6, "unit": "hour"}


def test_monitor_can_differ_by_database(server, own, send):
    own(monitor_slug="{operation}-{database}")
    media = replace(samples.SUCCEEDED, operation=Operation.MEDIA_BACKUP, database=None)
    send(samples.SUCCEEDED, media)
    slugs = [check_in(request)["monitor_slug"] for request in server.requests]
    assert slugs == ["db_backup-default", "media_backup-media"]


def test_failure_is_an_issue_too(server, own, send):
    own()
    assert send(samples.FAILED) == []
    assert kinds(server) == ["check_in", "event"]
    found = issue(server.requests[1])
    [exception] = found["exception"]["values"]
    assert (exception["type"], exception["value"]) == (
        "RcloneError",
        "rclone rcat exited with 1\nquota exceeded",
    )
    assert found["level"] == "error"
    assert found["environment"] == "production"
    assert found["server_name"] == "web-1"
    assert found["fingerprint"] == [
        "django-rclone", "db_backup", "default", "production", "RcloneError"
    ]  # fmt: skip
    assert found["tags"]["backup.database"] == "default"
    assert found["contexts"]["backup"]["hint"] == "Free some space."
    assert found["contexts"]["backup"]["path"] == samples.FAILED.path
    assert found["contexts"]["monitor"] == {"slug": MONITOR}


def test_same_error_type_is_one_issue_whatever_the_message():
    other = samples.failed(error_message="quota exceeded by 3 bytes", host="web-2", duration=1.0)
    fingerprints = [
        issue_of(event, monitor_slug=None, include_error=True)["fingerprint"]
        for event in (samples.FAILED, other)
    ]
    assert fingerprints[0] == fingerprints[1]


def test_issues_are_optional(server, own, send):
    own(capture_failures=False)
    send(samples.FAILED)
    assert kinds(server) == ["check_in"]


def test_monitor_is_optional(server, configure, send):
    configure(ops={"BACKEND": BACKEND, "OPTIONS": {"dsn": dsn(server.url)}})
    assert send(*samples.ALL) == []
    assert kinds(server) == ["event"]


def test_own_client_sends_the_environment_of_the_event(server, own, send):
    own()
    send(samples.SUCCEEDED)
    [request] = server.requests
    assert check_in(request)["environment"] == "production"


def test_environment_is_one_that_sentry_accepts(server, own, send):
    own()
    assert send(replace(samples.SUCCEEDED, environment="eu/prod\n" + "x" * 100)) == []
    assert check_in(server.requests[0])["environment"] == ("eu-prod " + "x" * 100)[:64]


def test_own_client_does_not_affect_the_sdk_of_the_site(server, own, send):
    own()
    send(samples.SUCCEEDED)
    assert len(server.requests) == 1
    assert not sentry_sdk.get_client().is_active()


def test_own_client_sends_nothing_about_the_site(server, own, send, site_sdk):
    set_up_site_sdk("http://key@127.0.0.1:9/1")
    with sentry_sdk.isolation_scope() as isolation, sentry_sdk.new_scope() as scope:
        isolation.add_breadcrumb({"message": "personal data"})
        scope.set_tag("visitor", "personal data")
        own()
        send(samples.FAILED)
    assert "personal data" not in str(issue(server.requests[1]))


def test_sdk_of_the_site_is_used_without_a_dsn(server, configure, send, site_sdk):
    set_up_site_sdk(dsn(server.url), release="1.2.3")
    configure(ops=SITE_CHANNEL)
    assert send(*samples.ALL) == []
    assert kinds(server) == ["check_in", "check_in", "check_in", "event"]
    check_ins = [check_in(request) for request in server.requests[:3]]
    assert [one["status"] for one in check_ins] == ["in_progress", "ok", "error"]
    assert {one["environment"] for one in check_ins} == {"of-the-site"}
    assert issue(server.requests[3])["release"] == "1.2.3"


def test_sdk_of_the_site_may_drop_issues(server, configure, send, site_sdk):
    set_up_site_sdk(
        dsn(server.url),
        before_send=lambda event, hint: event if event.get("type") == "check_in" else None,
    )
    configure(ops=SITE_CHANNEL)
    assert send(samples.FAILED) == []
    assert "check_in" in kinds(server)
    assert "event" not in kinds(server)


def test_sdk_of_the_site_is_left_as_it_was(server, configure, send, site_sdk):
    set_up_site_sdk(dsn(server.url))
    client = sentry_sdk.get_client()
    transport = client.transport
    assert isinstance(transport, HttpTransport)
    before = (dict(client.options), transport.on_dropped_event)
    configure(ops=SITE_CHANNEL)
    server.always_answer(404)
    send(samples.FAILED)
    assert (dict(client.options), transport.on_dropped_event) == before
    assert sentry_sdk.get_client() is client


def test_refusal_is_seen_with_the_sdk_of_the_site_too(server, configure, send, site_sdk):
    set_up_site_sdk(dsn(server.url))
    configure(ops=SITE_CHANNEL)
    server.always_answer(Answer(status=404))
    [warning] = send(samples.FAILED)
    assert "status_404" in warning


def test_rate_limit_is_not_a_success(server, configure, send, site_sdk):
    set_up_site_sdk(dsn(server.url))
    configure(ops={**SITE_CHANNEL, "TIMEOUT": 1.0})
    server.answer_with(Answer(headers={"X-Sentry-Rate-Limits": "60:monitor:organization"}))
    assert send(samples.STARTED) == []
    [warning] = send(samples.SUCCEEDED)
    assert warning.endswith("Sentry is rate limiting this project")


@pytest.mark.parametrize("dsn", [None, ""], ids=["without dsn", "empty dsn"])
def test_disabled_sdk_is_reported_with_the_fix(dsn, configure, send, site_sdk):
    set_up_site_sdk(dsn)
    configure(ops=SITE_CHANNEL)
    [warning] = send(samples.FAILED)
    assert "sentry_sdk.init" in warning


def test_missing_sdk_setup_is_reported_with_the_fix(configure, send):
    configure(ops=SITE_CHANNEL)
    [warning] = send(samples.FAILED)
    assert "sentry_sdk.init" in warning


def test_event_without_environment_is_sent(server, own, send):
    own()
    assert send(replace(samples.SUCCEEDED, environment="")) == []
    assert len(server.requests) == 1


def test_answer_lists_check_in_and_issue(server):
    notifier = SentryNotifier(monitor_slug=MONITOR, dsn=dsn(server.url))
    sent = notifier.notify(samples.FAILURE)
    assert sent == f"checked in: error, issue {issue(server.requests[1])['event_id']}"


def test_messages_of_the_sdk_stay_out_of_the_log(server, own, send, log):
    server.always_answer(Answer(status=400, body=b"a body that repeats secrets"))
    own()
    send(samples.FAILED)
    logging.getLogger("sentry_sdk.errors").debug("the log works")
    assert "repeats secrets" not in log.everything
