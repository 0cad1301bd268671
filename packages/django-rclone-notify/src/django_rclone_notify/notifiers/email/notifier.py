"""Email, through Django.

https://docs.djangoproject.com/en/stable/topics/email/
"""

import contextlib
import smtplib
from collections.abc import Iterable
from email.utils import parseaddr
from typing import ClassVar

from django.conf import settings
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

from ...exceptions import InvalidOption
from ...notifications import Notification
from ...options import require_choice, require_flag, require_text, suggestion
from ...transport import deadline
from ...transport.privacy import hidden_from_monitoring
from ...transport.retry import Failure, retry
from ..base import PROBLEM_STATES, Notifier
from .message import html, subject, text

DEFAULT_MAILER = "default"


class EmailNotifier(Notifier):
    """Sends one email per notification; failures and recoveries by default.

    ``to`` lists the recipients, ``ADMINS`` by default; ``from_email`` is the sender,
    ``SERVER_EMAIL`` by default; ``subject_prefix`` starts the subject,
    ``EMAIL_SUBJECT_PREFIX`` by default. ``using`` is a key of ``MAILERS``, which
    needs Django 6.1. ``include_error`` sends the text of the error, which may quote
    the output of the database tool.

    Raises ``NotifierError`` if the mail server does not accept the email.
    """

    default_states: ClassVar[frozenset[str]] = PROBLEM_STATES

    def __init__(
        self,
        *,
        to: Iterable[str] | None = None,
        from_email: str | None = None,
        subject_prefix: str | None = None,
        using: str | None = None,
        include_error: bool = True,
    ) -> None:
        self._to = _admins() if to is None else _require_addresses(to)
        sender = settings.SERVER_EMAIL if from_email is None else from_email
        self._from = _require_address("from_email", sender)
        prefix = settings.EMAIL_SUBJECT_PREFIX if subject_prefix is None else subject_prefix
        self._prefix = _require_prefix(prefix)
        self._mailer = _require_mailer(using)
        self._include_error = require_flag("include_error", include_error)

    def notify(self, notification: Notification) -> str:
        """Send the email about ``notification``."""
        message = self.message(notification)
        return retry(lambda: _send(message, self._mailer))

    def message(self, notification: Notification) -> mail.EmailMultiAlternatives:
        """Return the email about ``notification``."""
        message = mail.EmailMultiAlternatives(
            subject=subject(notification, self._prefix),
            body=text(notification, include_error=self._include_error),
            from_email=self._from,
            to=self._to,
            # No automatic replies: RFC 3834.
            headers={"Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(
            html(notification, include_error=self._include_error), "text/html"
        )
        return message


def _send(message: mail.EmailMultiAlternatives, mailer: str | None) -> str | Failure:
    with hidden_from_monitoring():
        connection = _connection(mailer)
        try:
            connection.open()
        except (smtplib.SMTPException, OSError) as error:
            return _failure(error, retryable=True)
        try:
            count = connection.send_messages([message])
        except (smtplib.SMTPException, OSError) as error:
            # After a broken connection it is unknown whether the email was accepted.
            return _failure(error, retryable=False)
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.close()
    if count == 0:
        return Failure(message="The mail backend sent nothing")
    return "accepted by the mail backend"


def _connection(mailer: str | None) -> BaseEmailBackend:
    if hasattr(mail, "mailers"):
        connection = mail.mailers[mailer or DEFAULT_MAILER]
    else:
        connection = mail.get_connection()
    # Without a limit of the site, Django waits for a mail server indefinitely.
    if hasattr(connection, "timeout"):
        connection.timeout = min(connection.timeout or deadline.remaining(), deadline.remaining())
    return connection


def _failure(error: Exception, *, retryable: bool) -> Failure:
    """Describe ``error`` without its text, in which servers repeat addresses and names."""
    code = getattr(error, "smtp_code", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max(code for code, _ in error.recipients.values())
    if code is None or code < 0:
        return Failure(
            message=f"The email was not sent ({type(error).__name__})", retryable=retryable
        )
    # 4xx is "not now", 5xx is "never": RFC 5321.
    return Failure(
        message=f"The mail server refused the email with {code} ({type(error).__name__})",
        retryable=400 <= code < 500,
        permanent=code >= 500,
    )


def _admins() -> list[str]:
    # Pairs of a name and an address before Django 6.0, addresses since.
    admins = [
        admin[1] if isinstance(admin, (list, tuple)) else str(admin) for admin in settings.ADMINS
    ]
    if not admins:
        hint = 'Set ADMINS, or write ["ops@example.com"].'
        raise InvalidOption("to", "is missing, and ADMINS is empty", hint)
    return [_require_address("to", admin) for admin in admins]


def _require_addresses(value: object) -> list[str]:
    if not isinstance(value, (list, tuple)) or not value:
        raise InvalidOption("to", "must be a list of email addresses", 'Write ["ops@example.com"].')
    return [_require_address("to", address) for address in value]


def _require_address(option: str, value: object) -> str:
    address = require_text(option, value)
    _, bare = parseaddr(address)
    if "@" not in bare or any(character in address for character in "\r\n"):
        hint = 'Write "ops@example.com" or "Operators <ops@example.com>".'
        raise InvalidOption(option, "must be an email address", hint)
    return address


def _require_prefix(value: object) -> str:
    if not isinstance(value, str) or any(character in value for character in "\r\n"):
        raise InvalidOption("subject_prefix", "must be a string on one line")
    return value


def _require_mailer(value: object) -> str | None:
    known = [*mail.mailers] if hasattr(mail, "mailers") else []
    if value is None:
        if known and DEFAULT_MAILER not in known:
            problem = f'is missing, and MAILERS has no "{DEFAULT_MAILER}"'
            raise InvalidOption("using", problem, suggestion("", known))
        return None
    if not known:
        hint = "Remove it: the settings EMAIL_... configure the mail server."
        raise InvalidOption("using", "needs MAILERS, a setting of Django 6.1 and later", hint)
    return require_choice("using", value, known)
