"""The Slack message about a notification, in Block Kit: pure, without sending.

https://docs.slack.dev/reference/block-kit
"""

from typing import Any

from django_rclone.events import OperationEvent, State

from ...messages import (
    TRUNCATION_MARK,
    cause,
    facts,
    heading,
    hint,
    one_line,
    subject,
    title,
)
from ...notifications import Notification

# Slack's own limits are 150 characters for a header, 2,000 for a field, 3,000 for a
# section and about 13,000 for all blocks. It rejects longer messages.
HEADER_LIMIT = 150
VALUE_LIMIT = 300
CAUSE_LIMIT = 2_500
HINT_LIMIT = 1_000
TEXT_LIMIT = 600

# Slack parses & < > in every text:
# https://docs.slack.dev/messaging/formatting-message-text#escaping
# A backtick would end the code span that keeps the rest from being formatted.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}
_SHOWN_APART = ("Started", "Live data", "Operation ID")


def message(notification: Notification, *, include_error: bool) -> dict[str, Any]:
    """Return the JSON to post, without links or previews.

    Notifications and screen readers use ``text``.
    """
    event = notification.event
    header = f"{heading(notification)}: {subject(event)}"
    blocks = [
        {"type": "header", "text": _plain(escaped(header, HEADER_LIMIT))},
        {"type": "section", "fields": _fields(event)},
        *_problem_blocks(event, include_error=include_error),
        {"type": "context", "elements": [_mrkdwn(_footer(event))]},
    ]
    return {
        "text": escaped(_fallback(notification, include_error=include_error), TEXT_LIMIT),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str, limit: int) -> str:
    """Return ``text`` escaped for Slack, at most ``limit`` characters, no escape cut in two."""
    pieces = [_ESCAPES.get(character, character) for character in text[: limit + 1]]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    room = limit - len(TRUNCATION_MARK)
    length = 0
    for index, piece in enumerate(pieces):
        length += len(piece)
        if length > room:
            return "".join(pieces[:index]) + TRUNCATION_MARK
    return "".join(pieces)


def _fallback(notification: Notification, *, include_error: bool) -> str:
    shape = heading(notification)[:1]
    error = one_line(cause(notification.event)) if include_error else ""
    return f"{shape} {title(notification)}{error and ': '}{error}"


def _fields(event: OperationEvent) -> list[dict[str, Any]]:
    return [
        _mrkdwn(f"*{label}*\n{_code(value)}")
        for label, value in facts(event).items()
        if label not in _SHOWN_APART
    ]


def _problem_blocks(event: OperationEvent, *, include_error: bool) -> list[dict[str, Any]]:
    if event.state != State.FAILED:
        return []
    texts = []
    if include_error and (error := cause(event).strip()):
        texts.append(_mrkdwn(f"*Cause*\n```\n{escaped(error, CAUSE_LIMIT)}\n```"))
    if include_error and (advice := hint(event)):
        texts.append(_plain(f"Hint: {escaped(advice, HINT_LIMIT)}"))
    if live_data := facts(event).get("Live data"):
        texts.append(_mrkdwn(f"*Live data: {escaped(live_data, VALUE_LIMIT)}*"))
    return [{"type": "section", "text": text} for text in texts]


def _footer(event: OperationEvent) -> str:
    timestamp = int(event.started_at.timestamp())
    fallback = event.started_at.strftime("%Y-%m-%d %H:%M UTC")
    # All readers see the time of their own zone.
    started = f"<!date^{timestamp}^{{date_short_pretty}} {{time}}|{fallback}>"
    return f"Started {started} · Operation ID {_code(event.operation_id)}"


def _code(text: str) -> str:
    return f"`{escaped(text, VALUE_LIMIT)}`"


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: Slack turns no name, channel or address in it into a link.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
