import pytest

from django_rclone_notify import __version__
from django_rclone_notify.notifiers.slack import ERROR_LIMIT, escaped, payload
from tests.loopback import Answer
from tests.notify import samples
from tests.notify.services import SLACK


def text_of(event, *, include_error=True):
    return payload(event, include_error=include_error)["text"]


def test_only_failures_are_posted_by_default(server, configure, send):
    configure(ops=SLACK.channel(server.url))
    send(*samples.ALL)
    [request] = server.requests
    assert SLACK.told(request) == "failed"


def test_message_tells_what_failed_where_and_why(server, configure, send):
    configure(ops=SLACK.channel(server.url))
    send(samples.FAILED)
    [request] = server.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == f"django-rclone-notify/{__version__}"
    assert request.json()["text"] == (
        '❌ *[production] Backup of database "default" failed on web-1*\n'
        "Path: db/default-2024-01-15-120000.dump.zst\n"
        "Duration: 12 s\n"
        "Error: RcloneError\n"
        "```\nrclone rcat exited with 1\nquota exceeded\n```"
    )


def test_words_of_the_error_can_be_left_out(server, configure, send):
    configure(ops=SLACK.channel(server.url, OPTIONS={"include_error": False}))
    send(samples.FAILED)
    [request] = server.requests
    assert "RcloneError" in request.text
    assert "quota exceeded" not in request.text


@pytest.mark.parametrize("field", ["host", "path", "error_type", "error_message", "environment"])
def test_event_cannot_mention_link_or_leave_the_code_block(field):
    text = text_of(samples.failed(**{field: "``` <!channel> <http://evil|click> &lt;"}))
    assert "<" not in text
    assert ">" not in text
    assert "&lt;!channel&gt;" in text
    assert "&amp;lt;" in text
    # Two fences of three, our own.
    assert text.count("`") == 6


@pytest.mark.parametrize("character", ["x", "&", "`", "🔥"])
def test_message_stays_below_what_slack_shows_in_one_piece(character):
    flood = character * 100_000
    text = text_of(samples.failed(error_message=flood, path=flood, host=flood, error_type=flood))
    assert len(text) < 4_000
    assert "(cut)" in text


def test_cut_never_splits_an_escape():
    for limit in range(20, 40):
        shown = escaped("&" * 100, limit)
        assert len(shown) <= limit
        assert shown.replace("&amp;", "").strip() == "… (cut)"


def test_text_that_fits_is_not_cut():
    assert escaped("x" * ERROR_LIMIT, ERROR_LIMIT) == "x" * ERROR_LIMIT


def test_links_are_not_unfolded():
    assert payload(samples.FAILED, include_error=True)["unfurl_links"] is False


def test_reason_of_a_refusal_is_told(server, configure, send, log):
    configure(ops=SLACK.channel(server.url))
    server.always_answer(Answer(status=410, body=b"channel_is_archived"))
    send(samples.FAILED)
    [warning] = log.warnings
    assert warning.endswith("127.0.0.1 answered with HTTP 410 (channel_is_archived)")


def test_wait_that_the_service_asks_for_is_kept_to_the_timeout(server, configure, send, log):
    configure(ops=SLACK.channel(server.url, OPTIONS={"timeout": 2.0}))
    server.always_answer(Answer(status=429, headers={"Retry-After": "30"}))
    send(samples.FAILED)
    assert len(server.requests) == 1
    assert len(log.warnings) == 1


def test_rate_limit_is_tried_again(server, configure, send, log):
    configure(ops=SLACK.channel(server.url))
    server.answer_with(Answer(status=429, headers={"Retry-After": "0"}), 200)
    send(samples.FAILED)
    assert len(server.requests) == 2
    assert log.warnings == []
