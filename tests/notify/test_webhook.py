import base64
import hashlib
import hmac
import json
from dataclasses import asdict, fields

import pytest

from django_rclone.events import Operation, OperationEvent, TargetState
from django_rclone_notify import __version__
from django_rclone_notify.exceptions import InvalidOption
from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers.webhook import WebhookNotifier, payload
from django_rclone_notify.secrets import Secret
from tests.notify import samples
from tests.support.http_server import Answer

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
UNITS = {"duration": "duration_seconds", "size": "size_bytes"}


def send(url, event, *, recovered=False, **options):
    notifier = WebhookNotifier(url=f"{url}/hook", **options)
    return notifier.notify(Notification(event=event, recovered=recovered))


def test_event_is_posted_whole(server):
    assert send(server.url, samples.SUCCEEDED) == "200 OK"
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/hook")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == f"django-rclone-notify/{__version__}"
    assert request.json() == {
        "version": 1,
        "title": '[production] Backup of database "default" succeeded on web-1',
        "operation_id": samples.RUN,
        "operation": "db_backup",
        "state": "succeeded",
        "recovered": False,
        "environment": "production",
        "host": "web-1",
        "database": "default",
        "path": "db/default-2024-01-15-120000.dump.zst",
        "started_at": "2024-01-15T12:00:00+00:00",
        "duration_seconds": 185.2,
        "size_bytes": 1_500_000_000,
        "files": None,
        "added": None,
        "changed": None,
        "deleted": None,
        "left_out": None,
        "sent": None,
        "error_type": None,
        "error_message": None,
        "error_hint": None,
        "target_state": None,
    }


def test_every_field_of_the_event_is_posted():
    content = payload(Notification(event=samples.FAILED), include_error=True)
    assert {UNITS.get(field.name, field.name) for field in fields(OperationEvent)} <= set(content)


@pytest.mark.parametrize("event", samples.ALL, ids=lambda event: event.state)
def test_values_are_those_of_the_event(event):
    content = json.loads(json.dumps(payload(Notification(event=event), include_error=True)))
    for name, value in asdict(event).items():
        if name != "started_at":
            assert content[UNITS.get(name, name)] == value


def test_recovery_is_a_success_with_a_flag(server):
    send(server.url, samples.SUCCEEDED, recovered=True)
    [request] = server.requests
    assert (request.json()["state"], request.json()["recovered"]) == ("succeeded", True)


def test_failed_restore_includes_the_state_of_the_live_data(server):
    send(
        server.url, samples.failed(operation=Operation.DB_RESTORE, target_state=TargetState.CHANGED)
    )
    [request] = server.requests
    assert request.json()["target_state"] == "changed"


def test_additional_headers_are_sent(server):
    headers = {"Authorization": Secret("Bearer abc"), "X-Team": "ops"}
    send(server.url, samples.FAILED, headers=headers)
    [request] = server.requests
    assert request.headers["authorization"] == "Bearer abc"
    assert request.headers["x-team"] == "ops"
    assert "webhook-signature" not in request.headers


def test_signature_follows_standard_webhooks(server):
    send(server.url, samples.FAILED, secret=SECRET)
    [request] = server.requests
    message = request.headers["webhook-id"]
    timestamp = request.headers["webhook-timestamp"]
    content = f"{message}.{timestamp}.".encode() + request.body
    expected = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert "." not in message


def test_retry_has_the_same_id_and_another_state_has_another(server):
    server.answer_with(500, 200)
    send(server.url, samples.STARTED, secret=SECRET)
    send(server.url, samples.FAILED, secret=SECRET)
    first, again, other = [request.headers["webhook-id"] for request in server.requests]
    assert first == again != other


def test_answer_that_echoes_the_request_is_not_shown(server):
    server.always_answer(Answer(body=b'{"authorization": "Bearer abc"}'))
    assert send(server.url, samples.FAILED) == "200"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"url": "ftp://x"}, "url must be a URL"),
        ({"secret": "short"}, "secret must be whsec_ followed by the base64 of 24 to 64 bytes"),
        ({"secret": base64.b64encode(KEY).decode()}, "secret must be whsec_ followed by"),
        ({"secret": "whsec_" + "ab" * 5}, "secret must be whsec_ followed by"),
        ({"secret": SECRET + "\u00e9"}, "secret must be whsec_ followed by"),
        ({"headers": ["a"]}, "headers must be a dictionary"),
        ({"headers": {"a b": "T0PsECReT"}}, "headers must have valid HTTP header names"),
        ({"headers": {"a": "T0PsECReT\r\nb: c"}}, "headers must have values of one line"),
        ({"headers": {"a": "T0PsECReT \u2603"}}, "headers must have values of one line"),
        ({"headers": {"a": 5}}, "headers must be a non-empty string"),
        ({"headers": {"Host": "T0PsECReT"}}, "headers must not set Host, which the notifier sets"),
        (
            {"headers": {"Webhook-Id": "x"}},
            "headers must not set Webhook-Id, which the notifier sets",
        ),
        ({"include_error": "no"}, "include_error must be True or False"),
    ],
)
def test_invalid_option_is_reported_without_its_value(options, problem):
    with pytest.raises(InvalidOption, match=problem) as caught:
        WebhookNotifier(**{"url": "https://example.com/hook", **options})
    assert "T0PsECReT" not in str(caught.value)


def test_options_do_not_show_themselves():
    notifier = WebhookNotifier(
        url=f"https://example.com/{SECRET}", secret=SECRET, headers={"Authorization": SECRET}
    )
    assert SECRET not in f"{notifier!r} {vars(notifier)!r}"
