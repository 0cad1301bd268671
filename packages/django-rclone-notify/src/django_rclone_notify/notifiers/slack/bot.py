"""Posting to Slack as a bot, with the outcome as a reply to the start.

https://docs.slack.dev/reference/methods/chat.postMessage
"""

import json
from collections import OrderedDict
from typing import Any

from django_rclone.events import State

from ...exceptions import NotifierError
from ...notifications import Notification
from ...secrets import Secret
from ...transport import http
from ..base import PROBLEM_STATES

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
_MAX_STARTS = 100
_starts: OrderedDict[tuple[str, str], str] = OrderedDict()
"""From operation id and channel to the ``ts`` of the start's message: the thread to reply to."""


class SlackBot:
    """Posts to one channel, with an app's token; ``api`` is the base URL of Slack's methods."""

    def __init__(self, token: Secret, channel: str, api: Secret) -> None:
        self._token = token
        self._channel = channel
        self._method = Secret(f"{api.reveal().rstrip('/')}/chat.postMessage")

    def post(self, notification: Notification, content: dict[str, Any]) -> str:
        """Post ``content``, the message about ``notification``. Raises ``NotifierError``."""
        is_start = notification.event.state == State.STARTED
        key = (notification.event.operation_id, self._channel)
        thread = None if is_start else _starts.pop(key, None)
        content = {**content, "channel": self._channel}
        if thread is not None:
            # Few people read threads they did not take part in, so problems are
            # shown in the channel as well.
            is_problem = notification.state in PROBLEM_STATES
            content |= {"thread_ts": thread, "reply_broadcast": is_problem}
        response = http.post_json(
            self._method,
            content,
            headers={"Authorization": Secret(f"Bearer {self._token.reveal()}")},
        )
        ts = _accepted(response.text).get("ts")
        if is_start and isinstance(ts, str):
            _remember(key, ts)
        return "200 ok" if thread is None else "200 ok, in reply to the start"


def _accepted(text: str) -> dict[str, Any]:
    # Slack refuses with status 200 and gives the reason in the body.
    answer = _parsed(text)
    if answer is None:
        raise NotifierError("The answer is not from Slack")
    if not answer.get("ok"):
        error = str(answer.get("error", ""))
        is_code = error.replace("_", "").isalnum() and len(error) <= _REASON_LIMIT
        fix = f": {_FIXES[error]}" if error in _FIXES else ""
        reason = error if is_code else "no reason given"
        raise NotifierError(f"Slack refused the message ({reason}){fix}", permanent=bool(fix))
    return answer


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _remember(key: tuple[str, str], ts: str) -> None:
    _starts[key] = ts
    while len(_starts) > _MAX_STARTS:
        _starts.popitem(last=False)
