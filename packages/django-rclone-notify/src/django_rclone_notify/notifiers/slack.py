"""Slack, through an incoming webhook or as a bot.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://docs.slack.dev/reference/methods/chat.postMessage
"""

import json
from collections import OrderedDict
from typing import Any, ClassVar

from django_rclone.events import State
from django_rclone_notify import http
from django_rclone_notify.exceptions import InvalidOption, NotifierError
from django_rclone_notify.notices import Notice
from django_rclone_notify.notifiers.base import TROUBLE, Notifier
from django_rclone_notify.notifiers.options import (
    require_flag,
    require_secret,
    require_text,
    require_url,
)
from django_rclone_notify.notifiers.slack_message import message
from django_rclone_notify.secret import Secret

API = "https://slack.com/api"

_JSON = "application/json; charset=utf-8"
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
_STARTS_KEPT = 100
_starts: OrderedDict[tuple[str, str], str] = OrderedDict()
"""From operation and channel to the ``ts`` of the message about its start: the thread to reply to."""


class SlackNotifier(Notifier):
    """Posts one message per notice; failures and recoveries, unless ``STATES`` says otherwise.

    Give ``webhook_url``, the incoming webhook, or ``bot_token`` and ``channel``, the
    ID of one: then the outcome replies to the start, if the start was posted, and
    trouble is shown in the channel too. Webhook and token are secrets.
    ``include_error`` shows the words of the error: they can hold what the database
    tool said last. ``api_url`` is where Slack's methods are.

    Raises ``NotifierError`` when Slack does not accept the message.
    """

    default_states: ClassVar[frozenset[str]] = TROUBLE
    secret_options: ClassVar[frozenset[str]] = frozenset({"webhook_url", "bot_token"})

    def __init__(
        self,
        *,
        webhook_url: str | Secret | None = None,
        bot_token: str | Secret | None = None,
        channel: str | None = None,
        include_error: bool = True,
        api_url: str = API,
    ) -> None:
        http.require_requests("slack")
        self._include_error = require_flag("include_error", include_error)
        self._webhook, self._token, self._channel = None, None, ""
        if bot_token is None and channel is None:
            if webhook_url is None:
                hint = "Copy it from the page of the Slack app, or set bot_token and channel."
                raise InvalidOption("webhook_url", "is missing", hint)
            self._webhook = require_url("webhook_url", webhook_url)
            return
        if webhook_url is not None:
            hint = "Keep webhook_url, or bot_token and channel."
            raise InvalidOption("webhook_url", "names the channel a second time", hint)
        self._token = require_secret("bot_token", bot_token)
        self._channel = require_text("channel", channel)
        base = require_url("api_url", api_url).reveal().rstrip("/")
        self._method = Secret(f"{base}/chat.postMessage")

    def notify(self, notice: Notice) -> str:
        """Post the message of ``notice``."""
        said = message(notice, include_error=self._include_error)
        if self._webhook is not None:
            return str(http.post(self._webhook, _encoded(said), content_type=_JSON))
        return self._post_as_bot(notice, said)

    def _post_as_bot(self, notice: Notice, said: dict[str, Any]) -> str:
        key = (notice.event.operation_id, self._channel)
        start = _starts.get(key) if notice.event.state != State.STARTED else None
        if start is not None:
            # Nobody reads a thread that nobody wrote in: trouble is shown in the channel too.
            said = {**said, "thread_ts": start, "reply_broadcast": notice.state in TROUBLE}
        answer = http.post(
            self._method,
            _encoded({**said, "channel": self._channel}),
            content_type=_JSON,
            headers={"Authorization": Secret(f"Bearer {self._token.reveal()}")}
            if self._token
            else None,
        )
        posted = _accepted(answer.text)
        if notice.event.state == State.STARTED:
            _remember(key, str(posted.get("ts", "")))
        return f"{answer.status} ok, in the thread of the start" if start else f"{answer.status} ok"


def _encoded(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()


def _accepted(text: str) -> dict[str, Any]:
    # Slack refuses with status 200 and tells the reason in the body.
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise NotifierError("The answer is not Slack's")
    if not answer.get("ok"):
        reason = str(answer.get("error", "no reason given"))
        known = reason if reason.replace("_", "").isalnum() and len(reason) < 60 else "?"
        fix = f": {_FIXES[known]}" if known in _FIXES else ""
        raise NotifierError(f"Slack refused ({known}){fix}", permanent=known in _FIXES)
    return answer


def _remember(key: tuple[str, str], ts: str) -> None:
    if ts:
        _starts[key] = ts
    while len(_starts) > _STARTS_KEPT:
        _starts.popitem(last=False)
