from dataclasses import replace

import pytest

from django_rclone.events import Operation
from django_rclone_notify.notifiers.healthchecks import HealthchecksNotifier, body, signal_url
from django_rclone_notify.secrets import Secret
from tests.notify import samples
from tests.notify.fake_healthchecks import CHECK, KEY, SMALLEST_BODY_LIMIT, answer, state_of
from tests.notify.services import NOTIFIERS
from tests.support.http_server import Answer

MEDIA = replace(samples.SUCCEEDED, operation=Operation.MEDIA_BACKUP, database=None)


@pytest.fixture
def pings(server):
    """A fake of healthchecks.io at ``.url``."""
    server.always_answer(answer)
    return server


def channel(**options):
    return {"BACKEND": f"{NOTIFIERS}.healthchecks.HealthchecksNotifier", "OPTIONS": options}


def test_every_ping_has_the_operation_id(pings, configure, send):
    configure(ops=channel(ping_url=f"{pings.url}/ping/{CHECK}"))
    assert send(samples.STARTED, samples.SUCCEEDED) == []
    assert [state_of(request) for request in pings.requests] == ["started", "succeeded"]
    assert [request.query for request in pings.requests] == [{"rid": [samples.RUN]}] * 2


def test_operation_id_is_in_canonical_form():
    url = Secret(f"https://hc-ping.com/{CHECK}")
    target = signal_url(url, "/fail", samples.RUN.replace("-", ""))
    assert target.reveal() == f"https://hc-ping.com/{CHECK}/fail?rid={samples.RUN}"


def test_query_of_the_ping_url_is_kept(pings, configure, send):
    configure(ops=channel(ping_url=f"{pings.url}/ping/{KEY}/new-check?create=1"))
    assert send(samples.FAILED) == []
    [request] = pings.requests
    assert request.target == f"/ping/{KEY}/new-check/fail?create=1&rid={samples.RUN}"


def test_create_option_creates_a_missing_check(pings, configure, send):
    options = {"ping_key": KEY, "slug": "brand-new", "base_url": f"{pings.url}/ping/"}
    configure(ops=channel(**options))
    [warning] = send(samples.SUCCEEDED)
    assert warning.endswith("answered with HTTP 404 (not found)")

    configure(ops=channel(**options, create=True))
    assert send(samples.SUCCEEDED) == []


def test_slug_can_differ_by_database(pings, configure, send):
    options = {"ping_key": KEY, "slug": "backup-{database}", "base_url": f"{pings.url}/ping"}
    configure(ops=channel(**options))
    assert send(samples.SUCCEEDED, MEDIA) == []
    assert [request.path for request in pings.requests] == [
        f"/ping/{KEY}/backup-default",
        f"/ping/{KEY}/backup-media",
    ]


def test_alias_becomes_a_valid_slug(pings, configure, send):
    options = {"ping_key": KEY, "slug": "{operation}_{database}", "base_url": f"{pings.url}/ping"}
    configure(ops=channel(**options, create=True))
    assert send(replace(samples.SUCCEEDED, database="Main/DB ä" + "x" * 99)) == []
    [request] = pings.requests
    assert request.path == f"/ping/{KEY}/" + "db_backup_main-db-" + "x" * 23 + "-0ad924f2"


def test_ping_url_can_differ_by_database(pings, configure, send):
    by_database = {
        "default": f"{pings.url}/ping/{CHECK}",
        "media": f"{pings.url}/ping/{KEY}/nightly",
    }
    configure(ops=channel(ping_url=by_database))
    assert send(samples.SUCCEEDED, MEDIA, replace(samples.SUCCEEDED, database="other")) == []
    assert [request.path for request in pings.requests] == [
        f"/ping/{CHECK}",
        f"/ping/{KEY}/nightly",
    ]


def test_recovery_is_a_success(pings):
    notifier = HealthchecksNotifier(ping_url=f"{pings.url}/ping/{CHECK}")
    assert notifier.notify(samples.RECOVERED) == "200 OK"
    [request] = pings.requests
    assert state_of(request) == "succeeded"
    assert "succeeded again" in request.text


def test_long_error_keeps_to_the_limit_of_small_servers():
    notification = samples.failure(error_message="🔥" * 100_000, host="h" * 100_000)
    text = body(notification, include_error=True)
    assert text.endswith("Hint: Free some space.")
    assert "(truncated)" in text
    assert "Duration: 12 s" in text
    assert len(text.encode()) < SMALLEST_BODY_LIMIT


@pytest.mark.parametrize("body", [b"OK (not found)", b"OK (rate limited)"])
def test_ignored_ping_is_a_failure(body, pings, configure, send):
    configure(ops=channel(ping_url=f"{pings.url}/ping/{CHECK}"))
    pings.always_answer(Answer(body=body))
    assert len(send(samples.SUCCEEDED)) == 1


def test_deleted_check_is_reported(pings, configure, send):
    configure(ops=channel(ping_url=f"{pings.url}/ping/{samples.RUN}"))
    [warning] = send(samples.SUCCEEDED)
    assert warning.endswith("The server has no check with this ping URL")
