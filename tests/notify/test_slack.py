import json

import pytest

from django_rclone.events import TargetState
from django_rclone_notify import __version__
from django_rclone_notify.notifications import Notification
from django_rclone_notify.notifiers.slack.message import CAUSE_LIMIT, escaped, message
from django_rclone_notify.notifiers.slack.notifier import SlackNotifier
from tests.notify import samples
from tests.notify.fake_slack import CHANNEL, TOKEN, methods, problems
from tests.notify.services import SLACK, SLACK_BOT
from tests.support.http_server import Answer

FAILURES = (
    samples.failure(),
    samples.failure(operation="db_restore", target_state=TargetState.UNKNOWN),
)


def texts(notification, **options):
    content = message(notification, **{"include_error": True, **options})
    assert problems(content) == []
    return json.dumps(content["blocks"], ensure_ascii=False)


def test_message_of_a_failure():
    content = message(samples.FAILURE, include_error=True)
    assert problems(content) == []
    assert content["text"] == (
        '✖ [production] Backup of database "default" failed on web-1: '
        "rclone rcat exited with 1 quota exceeded"
    )
    header, facts, cause, hint, footer = content["blocks"]
    assert header["text"]["text"] == '✖ Failed: Backup of database "default"'
    assert [field["text"] for field in facts["fields"]] == [
        "*Database*\n`default`",
        "*Environment*\n`production`",
        "*Host*\n`web-1`",
        "*Duration*\n`12 s`",
        "*Path*\n`db/default-2024-01-15-120000.dump.zst`",
        "*Error*\n`RcloneError`",
    ]
    assert cause["text"]["text"] == "*Cause*\n```\nrclone rcat exited with 1\nquota exceeded\n```"
    assert hint["text"]["text"] == "Hint: Free some space."
    assert samples.RUN in footer["elements"][0]["text"]
    assert "2024-01-15 12:00 UTC" in footer["elements"][0]["text"]


def test_each_state_has_its_own_word_and_shape():
    notifications = [Notification(event=event) for event in samples.ALL] + [samples.RECOVERED]
    headings = [
        message(one, include_error=True)["blocks"][0]["text"]["text"] for one in notifications
    ]
    assert [heading.split(":")[0] for heading in headings] == [
        "▶ Started",
        "✔ Succeeded",
        "✖ Failed",
        "↻ Recovered",
    ]


def test_success_shows_size_and_duration():
    shown = texts(Notification(event=samples.SUCCEEDED))
    assert "1.4 GB" in shown
    assert "3 min 05 s" in shown


def test_failed_restore_shows_the_state_of_the_live_data():
    assert "*Live data: unknown*" in texts(FAILURES[1])


@pytest.mark.parametrize(
    "field", ["host", "path", "error_type", "error_message", "environment", "database"]
)
def test_event_cannot_mention_link_or_break_out_of_code(field):
    shown = texts(samples.failure(**{field: "``` <!channel> <http://evil|click> &lt;"}))
    assert "&lt;!channel&gt;" in shown
    assert "&amp;lt;" in shown
    assert shown.count("`") % 2 == 0
    assert "````" not in shown


@pytest.mark.parametrize("character", ["x", "&", "`", "🔥"])
def test_message_stays_within_the_limits(character):
    flood = character * 100_000
    changes = {"path": flood, "host": flood, "error_type": flood, "environment": flood}
    error = {"error_message": flood, "error_hint": flood}
    content = message(samples.failure(database=flood, **error, **changes), include_error=True)
    assert problems(content) == []
    assert "(truncated)" in json.dumps(content, ensure_ascii=False)


def test_truncation_never_splits_an_escape():
    for limit in range(20, 40):
        shown = escaped("&" * 100, limit)
        assert len(shown) <= limit
        assert shown.replace("&amp;", "").strip() == "… (truncated)"


def test_text_within_the_limit_is_not_truncated():
    assert escaped("x" * CAUSE_LIMIT, CAUSE_LIMIT) == "x" * CAUSE_LIMIT


def test_links_are_not_unfurled():
    assert message(samples.FAILURE, include_error=True)["unfurl_links"] is False


def test_request_is_json_with_a_user_agent(server):
    notifier = SlackNotifier(webhook_url=f"{server.url}/hook")
    assert notifier.notify(samples.FAILURE) == "200 OK"
    [request] = server.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["user-agent"] == f"django-rclone-notify/{__version__}"


def test_reason_of_a_refusal_is_reported(server, configure, send):
    configure(ops={"BACKEND": SLACK.backend, "OPTIONS": {"webhook_url": server.url}})
    server.always_answer(Answer(status=410, body=b"channel_is_archived"))
    [warning] = send(samples.FAILED)
    assert warning.endswith("127.0.0.1 answered with HTTP 410 (channel_is_archived)")


def test_retry_after_beyond_the_time_limit_is_not_awaited(server, configure, send):
    options = {"webhook_url": server.url}
    configure(ops={"BACKEND": SLACK.backend, "OPTIONS": options, "TIMEOUT": 2.0})
    server.always_answer(Answer(status=429, headers={"Retry-After": "30"}))
    assert len(send(samples.FAILED)) == 1
    assert len(server.requests) == 1


# As a bot


def bot(server, **options):
    options = {"bot_token": TOKEN, "channel": CHANNEL, "api_url": f"{server.url}/api/", **options}
    return {
        "BACKEND": SLACK_BOT.backend,
        "OPTIONS": options,
        "STATES": ["started", "succeeded", "failed"],
    }


def test_outcome_replies_to_the_start_and_problems_show_in_the_channel(server, configure, send):
    server.always_answer(methods)
    configure(ops=bot(server))
    assert send(samples.STARTED, samples.FAILED) == []
    start, outcome = (request.json() for request in server.requests)
    assert server.requests[0].path == "/api/chat.postMessage"
    assert "thread_ts" not in start
    assert outcome["thread_ts"] == "1705320000.000100"
    assert outcome["reply_broadcast"] is True


def test_success_stays_in_the_thread(server, configure, send):
    server.always_answer(methods)
    configure(ops=bot(server))
    send(samples.STARTED, samples.SUCCEEDED)
    assert server.requests[1].json()["reply_broadcast"] is False


def test_outcome_without_a_posted_start_is_a_separate_message(server, configure, send):
    server.answer_with(404)
    server.always_answer(methods)
    configure(ops=bot(server))
    another_run = {"operation_id": "6f1c9a52-9d39-4d7e-8a5e-0d6f3d1f2b11"}
    warnings = send(samples.failed(**another_run, state="started"), samples.failed(**another_run))
    assert len(warnings) == 1
    assert "thread_ts" not in server.requests[1].json()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"bot_token": "xoxb-wrong"},
            "Slack refused the message (invalid_auth): the token is wrong",
        ),
        (
            {"channel": "#nowhere"},
            "Slack refused the message (channel_not_found): use the channel's",
        ),
    ],
)
def test_refusal_names_the_fix(options, reason, server, configure, send):
    server.always_answer(methods)
    configure(ops=bot(server, **options))
    [warning] = send(samples.FAILED)
    assert reason in warning
    assert "xoxb" not in warning


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"ok": false, "error": "https://x/y"}'])
def test_answer_that_is_not_from_slack_is_a_failure(body, server, configure, send):
    server.always_answer(Answer(body=body))
    configure(ops=bot(server))
    [warning] = send(samples.FAILED)
    assert (
        "The answer is not from Slack" in warning
        or "Slack refused the message (no reason given)" in warning
    )
