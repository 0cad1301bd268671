"""Slack, through an incoming webhook or as a bot.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from typing import ClassVar

from ...exceptions import InvalidOption
from ...notifications import Notice
from ...options import require_flag, require_secret, require_text, require_url
from ...secrets import Secret
from ...transport import http
from ..base import TROUBLE, Notifier
from .bot import SlackBot
from .message import message

API = "https://slack.com/api"


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
        self._webhook = _webhook(webhook_url, by_bot=(bot_token, channel) != (None, None))
        if self._webhook is None:
            self._bot = SlackBot(
                require_secret("bot_token", bot_token),
                require_text("channel", channel),
                require_url("api_url", api_url),
            )

    def notify(self, notice: Notice) -> str:
        """Post the message of ``notice``."""
        said = message(notice, include_error=self._include_error)
        if self._webhook is None:
            return self._bot.post(notice, said)
        return str(http.post_json(self._webhook, said))


def _webhook(webhook_url: object, *, by_bot: bool) -> Secret | None:
    if not by_bot and webhook_url is None:
        hint = "Copy it from the page of the Slack app, or set bot_token and channel."
        raise InvalidOption("webhook_url", "is missing", hint)
    if by_bot and webhook_url is not None:
        hint = "Keep webhook_url, or bot_token and channel."
        raise InvalidOption("webhook_url", "names the channel a second time", hint)
    return None if by_bot else require_url("webhook_url", webhook_url)
