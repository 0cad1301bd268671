import base64
import hashlib
import hmac
import json
from dataclasses import asdict, fields

import pytest
from django.core.checks import run_checks

from django_rclone.events import Operation, OperationEvent, TargetState
from django_rclone_notify import __version__
from django_rclone_notify.exceptions import InvalidOption
from django_rclone_notify.notifications import Notice
from django_rclone_notify.notifiers.webhook import WebhookNotifier, payload
from django_rclone_notify.secrets import Secret
from tests.notify import samples
from tests.support.http_server import Answer

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
UNITS = {"duration": "duration_seconds", "size": "size_bytes"}


def send(url, event, *, recovered=False, **options):
    notifier = WebhookNotifier(url=f"{url}/hook", **options)
    return notifier.notify(Notice(event=event, recovered=recovered))


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
        "error_type": None,
        "error_message": None,
        "error_hint": None,
        "target_state": None,
    }


def test_every_field_of_the_event_is_in_it():
    told = payload(Notice(event=samples.FAILED), include_error=True)
    assert {UNITS.get(field.name, field.name) for field in fields(OperationEvent)} <= set(told)


@pytest.mark.parametrize("event", samples.ALL, ids=lambda event: event.state)
def test_values_are_those_of_the_event(event):
    told = json.loads(json.dumps(payload(Notice(event=event), include_error=True)))
    for name, value in asdict(event).items():
        if name != "started_at":
            assert told[UNITS.get(name, name)] == value


def test_recovery_is_a_success_with_a_mark(server):
    send(server.url, samples.SUCCEEDED, recovered=True)
    [request] = server.requests
    assert (request.json()["state"], request.json()["recovered"]) == ("succeeded", True)


def test_failed_restore_tells_what_became_of_the_data(server):
    send(
        server.url, samples.failed(operation=Operation.DB_RESTORE, target_state=TargetState.CHANGED)
    )
    [request] = server.requests
    assert request.json()["target_state"] == "changed"


def test_words_of_the_error_can_be_left_out(server):
    send(server.url, samples.FAILED, include_error=False)
    [request] = server.requests
    assert request.json()["error_message"] is None
    assert request.json()["error_type"] == "RcloneError"


def test_own_headers_are_sent(server):
    headers = {"Authorization": Secret("Bearer abc"), "X-Team": "ops"}
    send(server.url, samples.FAILED, headers=headers)
    [request] = server.requests
    assert request.headers["authorization"] == "Bearer abc"
    assert request.headers["x-team"] == "ops"
    assert "webhook-signature" not in request.headers


def test_signature_is_that_of_standard_webhooks(server):
    send(server.url, samples.FAILED, secret=SECRET)
    [request] = server.requests
    message = request.headers["webhook-id"]
    timestamp = request.headers["webhook-timestamp"]
    content = f"{message}.{timestamp}.".encode() + request.body
    expected = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert "." not in message


def test_repetition_bears_the_same_id_and_another_state_another(server):
    server.answer_with(500, 200)
    send(server.url, samples.STARTED, secret=SECRET)
    send(server.url, samples.FAILED, secret=SECRET)
    first, again, other = [request.headers["webhook-id"] for request in server.requests]
    assert first == again != other


def test_answer_of_a_receiver_that_echoes_is_told_by_its_status(server):
    server.always_answer(Answer(body=b'{"authorization": "Bearer abc"}'))
    assert send(server.url, samples.FAILED) == "200"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"url": "ftp://x"}, "url must be an address"),
        ({"secret": "short"}, "secret must be whsec_ and the base64 of 24 to 64 bytes"),
        ({"secret": base64.b64encode(KEY).decode()}, "secret must be whsec_ and"),
        ({"secret": "whsec_" + "ab" * 5}, "secret must be whsec_ and"),
        ({"secret": SECRET + "\u00e9"}, "secret must be whsec_ and"),
        ({"headers": ["a"]}, "headers must be a dictionary"),
        ({"headers": {"a b": "T0PsECReT"}}, "headers must have names that HTTP allows"),
        ({"headers": {"a": "T0PsECReT\r\nb: c"}}, "headers must have values of one line"),
        ({"headers": {"a": "T0PsECReT \u2603"}}, "headers must have values of one line"),
        ({"headers": {"a": 5}}, "headers must be a string that is not empty"),
        ({"headers": {"Host": "T0PsECReT"}}, "headers must not set Host, which is ours"),
        ({"headers": {"Webhook-Id": "x"}}, "headers must not set Webhook-Id, which is ours"),
        ({"include_error": "no"}, "include_error must be True or False"),
    ],
)
def test_wrong_option_is_told_without_its_value(options, told):
    with pytest.raises(InvalidOption, match=told) as caught:
        WebhookNotifier(**{"url": "https://example.com/hook", **options})
    assert "T0PsECReT" not in str(caught.value)


def test_options_do_not_show_themselves():
    notifier = WebhookNotifier(
        url=f"https://example.com/{SECRET}", secret=SECRET, headers={"Authorization": SECRET}
    )
    assert SECRET not in f"{notifier!r} {vars(notifier)!r}"


def test_header_that_error_pages_would_show_is_told_by_the_checks(configure):
    backend = f"{WebhookNotifier.__module__}.{WebhookNotifier.__qualname__}"
    options = {"url": Secret("https://example.com/hook"), "headers": {"X-Hook": SECRET}}
    configure(ops={"BACKEND": backend, "OPTIONS": options})
    [message] = [m for m in run_checks() if "notify" in (m.id or "")]
    assert message.id == "django_rclone_notify.W001"
    assert '["OPTIONS"]["headers"] is a secret' in message.msg
    assert SECRET not in str(message)
