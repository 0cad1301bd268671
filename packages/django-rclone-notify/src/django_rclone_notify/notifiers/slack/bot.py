"""Posting to Slack as a bot, the outcome in reply to the start.

https://docs.slack.dev/reference/methods/chat.postMessage
"""

import json
from collections import OrderedDict
from typing import Any

from django_rclone.events import State

from ...exceptions import NotifierError
from ...notifications import Notice
from ...secrets import Secret
from ...transport import http
from ..base import TROUBLE

# https://docs.slack.dev/reference/methods/chat.postMessage#errors
_FIXES = {
    "not_in_channel": "invite the app to the channel: /invite @name-of-the-app",
    "channel_not_found": "use the channel's ID, and invite the app to private channels",
    "is_archived": "the channel is archived",
    "invalid_auth": "the token is wrong",
    "not_authed": "the token is missing",
    "token_revoked": "the token was revoked: install the app again",
    "account_inactive": "the token belongs to a removed app or workspace",
    "missing_scope": "give the app the scope chat:write and install it again",
}
_REASON_LIMIT = 60
_STARTS_KEPT = 100
_starts: OrderedDict[tuple[str, str], str] = OrderedDict()
"""From operation and channel to the ``ts`` of the message about its start: the thread to reply to."""


class SlackBot:
    """Posts to one channel, with the token of an app; ``api`` is where Slack's methods are."""

    def __init__(self, token: Secret, channel: str, api: Secret) -> None:
        self._token = token
        self._channel = channel
        self._method = Secret(f"{api.reveal().rstrip('/')}/chat.postMessage")

    def post(self, notice: Notice, said: dict[str, Any]) -> str:
        """Post ``said`` about ``notice``. Raises ``NotifierError``."""
        is_start = notice.event.state == State.STARTED
        key = (notice.event.operation_id, self._channel)
        thread = None if is_start else _starts.pop(key, None)
        if thread is not None:
            # Nobody reads a thread that nobody wrote in: trouble is shown in the channel too.
            said = {**said, "thread_ts": thread, "reply_broadcast": notice.state in TROUBLE}
        answer = http.post_json(
            self._method,
            {**said, "channel": self._channel},
            headers={"Authorization": Secret(f"Bearer {self._token.reveal()}")},
        )
        ts = _accepted(answer.text).get("ts")
        if is_start and isinstance(ts, str):
            _remember(key, ts)
        return "200 ok" if thread is None else "200 ok, in reply to the start"


def _accepted(text: str) -> dict[str, Any]:
    # Slack refuses with status 200 and tells the reason in the body.
    answer = _parsed(text)
    if answer is None:
        raise NotifierError("The answer is not Slack's")
    if not answer.get("ok"):
        reason = str(answer.get("error", ""))
        is_word = reason.replace("_", "").isalnum() and len(reason) <= _REASON_LIMIT
        fix = f": {_FIXES[reason]}" if reason in _FIXES else ""
        told = reason if is_word else "no reason given"
        raise NotifierError(f"Slack refused ({told}){fix}", permanent=bool(fix))
    return answer


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _remember(key: tuple[str, str], ts: str) -> None:
    _starts[key] = ts
    while len(_starts) > _STARTS_KEPT:
        _starts.popitem(last=False)
