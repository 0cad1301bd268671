"""The Slack notifier.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from typing import ClassVar

from ...exceptions import InvalidOption
from ...notifications import Notification
from ...options import require_flag, require_secret, require_text, require_url
from ...secrets import Secret
from ...transport import http
from ..base import PROBLEM_STATES, Notifier
from .bot import SlackBot
from .message import message

API = "https://slack.com/api"


class SlackNotifier(Notifier):
    """Posts one message per notification; failures and recoveries by default.

    Give it ``webhook_url``, an incoming webhook; or ``bot_token`` and ``channel``, a
    channel ID: then the outcome is a reply to the start, if the start was posted,
    and problems appear in the channel as well. Webhook and token are secret.
    ``include_error`` sends the text of the error, which may quote the output of the
    database tool. ``api_url`` is the base URL of Slack's methods.

    Raises ``NotifierError`` if Slack does not accept the message.
    """

    default_states: ClassVar[frozenset[str]] = PROBLEM_STATES
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
        self._webhook = _webhook(webhook_url, uses_bot=(bot_token, channel) != (None, None))
        if self._webhook is None:
            self._bot = SlackBot(
                require_secret("bot_token", bot_token),
                require_text("channel", channel),
                require_url("api_url", api_url),
            )

    def notify(self, notification: Notification) -> str:
        """Post the message about ``notification``."""
        content = message(notification, include_error=self._include_error)
        if self._webhook is None:
            return self._bot.post(notification, content)
        return str(http.post_json(self._webhook, content))


def _webhook(webhook_url: object, *, uses_bot: bool) -> Secret | None:
    if not uses_bot and webhook_url is None:
        hint = "Copy it from the page of the Slack app, or set bot_token and channel."
        raise InvalidOption("webhook_url", "is missing", hint)
    if uses_bot and webhook_url is not None:
        hint = "Keep webhook_url, or bot_token and channel."
        raise InvalidOption("webhook_url", "identifies the channel a second time", hint)
    return None if uses_bot else require_url("webhook_url", webhook_url)
