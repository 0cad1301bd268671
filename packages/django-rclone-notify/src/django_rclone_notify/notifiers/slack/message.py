"""What Slack shows about a notice, in Block Kit: pure, without sending.

https://docs.slack.dev/reference/block-kit
"""

from typing import Any

from django_rclone.events import OperationEvent, State

from ...messages import (
    CUT_MARK,
    cause,
    hint,
    human_duration,
    human_size,
    live_data,
    one_line,
    subject,
    title,
)
from ...notifications import Notice, NoticeState

# Slack's own limits are 150 characters for a header, 2,000 for a field, 3,000 for a
# section and about 13,000 for all blocks; a message that is longer is refused.
HEADER_LIMIT = 150
VALUE_LIMIT = 300
CAUSE_LIMIT = 2_500
HINT_LIMIT = 1_000
TEXT_LIMIT = 600

# A shape and a word for each, because not everyone tells colours apart.
_HEADINGS: dict[str, str] = {
    NoticeState.STARTED: "▶ Started",
    NoticeState.SUCCEEDED: "✔ Succeeded",
    NoticeState.RECOVERED: "↻ Recovered",
    NoticeState.FAILED: "✖ Failed",
}
# & < > are the characters that Slack parses in every text:
# https://docs.slack.dev/messaging/formatting-message-text#escaping
# A backtick would end the code that keeps the rest from being formatted.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}


def message(notice: Notice, *, include_error: bool) -> dict[str, Any]:
    """Return what is posted for ``notice``, without links or previews.

    ``text`` is what notifications and screen readers tell.
    """
    event = notice.event
    heading = _HEADINGS.get(notice.state, one_line(notice.state))
    blocks = [
        {
            "type": "header",
            "text": _plain(escaped(f"{heading}: {subject(event)}", HEADER_LIMIT)),
        },
        {"type": "section", "fields": [_field(*fact) for fact in _facts(event)]},
        *_trouble(event, include_error=include_error),
        {"type": "context", "elements": [_mrkdwn(_footer(event))]},
    ]
    return {
        "text": escaped(_fallback(notice, include_error=include_error), TEXT_LIMIT),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _fallback(notice: Notice, *, include_error: bool) -> str:
    shape = _HEADINGS.get(notice.state, "")[:1]
    words = one_line(cause(notice.event)) if include_error else ""
    return f"{shape} {title(notice)}{words and ': '}{words}".strip()


def escaped(text: str, limit: int) -> str:
    """Return ``text`` in Slack's escapes, at most ``limit`` characters, no escape cut in two."""
    pieces = [_ESCAPES.get(character, character) for character in text[: limit + 1]]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    room = limit - len(CUT_MARK)
    kept = 0
    for index, piece in enumerate(pieces):
        kept += len(piece)
        if kept > room:
            return "".join(pieces[:index]) + CUT_MARK
    return "".join(pieces)


def _facts(event: OperationEvent) -> list[tuple[str, str]]:
    facts = [
        ("Database", event.database or "none: media"),
        ("Environment", event.environment or "not set"),
        ("Host", event.host),
        ("Size", "" if event.size is None else human_size(event.size)),
        ("Duration", "" if event.duration is None else human_duration(event.duration)),
        ("Path", event.path or ""),
        ("Error", event.error_type or ""),
    ]
    return [(name, one_line(value)) for name, value in facts if value]


def _trouble(event: OperationEvent, *, include_error: bool) -> list[dict[str, Any]]:
    if event.state != State.FAILED:
        return []
    texts = []
    if include_error and (words := cause(event).strip()):
        texts.append(_mrkdwn(f"*Cause*\n```\n{escaped(words, CAUSE_LIMIT)}\n```"))
    if include_error and (advice := hint(event)):
        texts.append(_plain(f"What to do: {escaped(advice, HINT_LIMIT)}"))
    if told := live_data(event):
        texts.append(_mrkdwn(f"*{told}*"))
    return [{"type": "section", "text": text} for text in texts]


def _footer(event: OperationEvent) -> str:
    moment = int(event.started_at.timestamp())
    fallback = event.started_at.strftime("%Y-%m-%d %H:%M UTC")
    # Every reader sees the time of their own zone.
    started = f"<!date^{moment}^{{date_short_pretty}} {{time}}|{fallback}>"
    return f"Started {started} · run {_code(event.operation_id)}"


def _field(name: str, value: str) -> dict[str, Any]:
    return _mrkdwn(f"*{name}*\n{_code(value)}")


def _code(text: str) -> str:
    return f"`{escaped(text, VALUE_LIMIT)}`"


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: no name, channel or address in it is turned into a link.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
