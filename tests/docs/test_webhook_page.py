"""The view on the page about webhooks, and what the page says about body and signature."""

import dataclasses
import json
import runpy

import pytest
from django.test import RequestFactory

from django_rclone.events import TargetState
from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers import webhook
from django_rclone_notify.notifiers.webhook import WebhookNotifier
from django_rclone_notify.secrets import Secret
from tests.docs.projects import VARIABLES
from tests.docs.texts import PAGES, blocks, page, rows, section
from tests.notify import samples
from tests.support.http_server import LoopbackServer, Received

SECRET = VARIABLES["BACKUP_HOOK_SECRET"]


@pytest.fixture
def view(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """The view of the page."""
    monkeypatch.setenv("BACKUP_HOOK_SECRET", SECRET)
    [code] = [b.code for b in blocks(PAGES / "notify-webhook.md") if b.marker.startswith("file:")]
    (tmp_path / "hooks.py").write_text(code)
    return runpy.run_path(str(tmp_path / "hooks.py"))["backups"]


@pytest.fixture
def sent(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> Received:
    """What the notifier really sends."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    notifier = WebhookNotifier(url=server.url, secret=Secret(SECRET))
    notifier.notify(Notification(event=samples.FAILED))
    return server.requests[0]


def arrive(view, request: Received, **changes):
    headers = {**request.headers, **changes.get("headers", {})}
    # The one is made anew for the body, the other is no host of the site's.
    del headers["content-length"], headers["host"]
    body = changes.get("body", request.body)
    made = RequestFactory().post("/", body, content_type="application/json", headers=headers)
    return view(made)


def test_the_view_takes_what_the_notifier_sends(view, sent, capsys):
    assert arrive(view, sent).status_code == 200
    assert 'Backup of database "default" failed' in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b'{"title": "All is well"}'},
        {"headers": {"webhook-timestamp": "1700000000"}},
        {"headers": {"webhook-timestamp": "soon"}},
        {"headers": {"webhook-id": "another"}},
        {"headers": {"webhook-signature": "v1,AAAA"}},
        {"headers": {"webhook-signature": "v1,\u00e9"}},
        {"headers": {"webhook-signature": ""}},
    ],
    ids=["body", "old", "no time", "id", "signature", "no ASCII", "none"],
)
def test_the_view_refuses_what_was_changed(changes, view, sent):
    assert arrive(view, sent, **changes).status_code == 403


def test_the_view_takes_one_of_several_signatures(view, sent):
    signatures = f"v1,AAAA {sent.headers['webhook-signature']}"
    assert arrive(view, sent, headers={"webhook-signature": signatures}).status_code == 200


def test_every_field_of_the_body_is_documented_in_its_order(sent):
    told = json.loads(sent.body)
    assert list(rows(section(page("notify-webhook"), "## The body"))) == list(told)
    assert (
        rows(section(page("notify-webhook"), "## The body"))["version"]
        == f"number | `{webhook.VERSION}`"
    )


def test_the_types_of_the_fields_are_those_documented():
    kinds = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    documented = rows(section(page("notify-webhook"), "## The body"))
    events = [
        *samples.ALL,
        dataclasses.replace(samples.FAILED, target_state=TargetState.CHANGED, database=None),
    ]
    for event in events:
        told = webhook.payload(Notification(event=event), include_error=True)
        for name, value in json.loads(json.dumps(told)).items():
            assert kinds[type(value)] in documented[name].split(" | ")[0].split(" or "), name


def test_every_header_of_the_signature_is_documented(sent):
    documented = rows(section(page("notify-webhook"), "## The signature"))
    assert set(documented) == {name for name in sent.headers if name.startswith("webhook-")}
