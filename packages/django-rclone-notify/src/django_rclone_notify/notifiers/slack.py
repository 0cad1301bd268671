"""Slack, through an incoming webhook.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import json
from typing import ClassVar

from django_rclone.events import State
from django_rclone_notify import http
from django_rclone_notify.messages import CUT_MARK, cleaned, facts, title
from django_rclone_notify.notices import Notice
from django_rclone_notify.notifiers.base import TROUBLE, Notifier
from django_rclone_notify.notifiers.options import require_flag, require_url
from django_rclone_notify.secret import Secret

# Slack shows a text of more than 4,000 characters as several messages:
# https://docs.slack.dev/changelog/2018-truncating-really-long-messages
LINE_LIMIT = 300
ERROR_LIMIT = 2_000

_SIGNS = {State.STARTED: "▶️", State.SUCCEEDED: "✅", State.FAILED: "❌"}
# & < > are the characters that Slack parses in every text:
# https://docs.slack.dev/messaging/formatting-message-text#escaping
# A backtick would end the code block that keeps the rest from being formatted.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}


class SlackNotifier(Notifier):
    """Posts one message per event; failures only, unless ``STATES`` says otherwise.

    ``webhook_url`` is the incoming webhook, a secret. ``include_error`` shows the words of the error:
    they can hold what the database tool said last.

    Raises ``NotifierError`` when Slack does not accept the message.
    """

    default_states: ClassVar[frozenset[str]] = TROUBLE
    secret_options: ClassVar[frozenset[str]] = frozenset({"webhook_url"})

    def __init__(self, *, webhook_url: str | Secret, include_error: bool = True) -> None:
        http.require_requests("slack")
        self._url = require_url("webhook_url", webhook_url)
        self._include_error = require_flag("include_error", include_error)

    def notify(self, notice: Notice) -> str:
        """Post the message of ``notice``."""
        body = json.dumps(payload(notice, include_error=self._include_error)).encode()
        return str(http.post(self._url, body, content_type="application/json"))


def payload(notice: Notice, *, include_error: bool) -> dict[str, object]:
    """Return what is posted for ``notice``: text alone, without links or previews."""
    event = notice.event
    sign = _SIGNS.get(event.state, "")
    lines = [f"{sign} *{_plain(title(notice))}*".strip()]
    lines += [_plain(fact) for fact in facts(event)]
    if include_error and event.error_message:
        lines.append(f"```\n{escaped(cleaned(event.error_message), ERROR_LIMIT)}\n```")
    return {"text": "\n".join(lines), "unfurl_links": False, "unfurl_media": False}


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


def _plain(text: str) -> str:
    return escaped(text, LINE_LIMIT)
