"""E-mail, through Django.

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

from ... import words
from ...exceptions import InvalidOption
from ...notifications import Notice
from ...options import require_flag, require_text, require_word
from ...transport import deadline as budget
from ...transport.privacy import unobserved
from ...transport.retry import Failure, persist
from ..base import TROUBLE, Notifier
from .message import html, subject, text

DEFAULT_MAILER = "default"


class EmailNotifier(Notifier):
    """Sends one mail per notice; failures and recoveries, unless ``STATES`` says otherwise.

    ``to`` lists the receivers, ``ADMINS`` by default; ``from_email`` is the sender,
    ``SERVER_EMAIL`` by default; ``subject_prefix`` stands before the subject,
    ``EMAIL_SUBJECT_PREFIX`` by default. ``using`` names an entry of ``MAILERS``,
    which Django has from 6.1 on. ``include_error`` sends the words of the error:
    they can hold what the database tool said last.

    Raises ``NotifierError`` when the mail server does not take the mail.
    """

    default_states: ClassVar[frozenset[str]] = TROUBLE

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

    def notify(self, notice: Notice) -> str:
        """Send the mail about ``notice``."""
        message = self.message(notice)
        return persist(lambda: _send(message, self._mailer))

    def message(self, notice: Notice) -> mail.EmailMultiAlternatives:
        """Return the mail about ``notice``."""
        message = mail.EmailMultiAlternatives(
            subject=subject(notice, self._prefix),
            body=text(notice, include_error=self._include_error),
            from_email=self._from,
            to=self._to,
            # Nobody's absence is to be answered to it: RFC 3834.
            headers={"Auto-Submitted": "auto-generated"},
        )
        message.attach_alternative(html(notice, include_error=self._include_error), "text/html")
        return message


def _send(message: mail.EmailMultiAlternatives, mailer: str | None) -> str | Failure:
    with unobserved():
        connection = _connection(mailer)
        try:
            connection.open()
        except (smtplib.SMTPException, OSError) as error:
            return _failure(error, again=True)
        try:
            count = connection.send_messages([message])
        except (smtplib.SMTPException, OSError) as error:
            # After a broken connection nobody knows whether the mail was taken.
            return _failure(error, again=False)
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
    # Django waits for a mail server without end, unless the site sets a limit.
    if hasattr(connection, "timeout"):
        connection.timeout = min(connection.timeout or budget.remaining(), budget.remaining())
    return connection


def _failure(error: Exception, *, again: bool) -> Failure:
    """Tell ``error`` without its words: servers repeat addresses and names in them."""
    code = getattr(error, "smtp_code", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max(code for code, _ in error.recipients.values())
    if code is None or code < 0:
        return Failure(message=f"No mail was sent ({type(error).__name__})", again=again)
    # 4xx is "not now", 5xx is "never": RFC 5321.
    return Failure(
        message=f"The mail server refused with {code} ({type(error).__name__})",
        again=400 <= code < 500,
        permanent=code >= 500,
    )


def _admins() -> list[str]:
    # Until Django 6.0 pairs of a name and an address, from then on addresses.
    admins = [
        admin[1] if isinstance(admin, (list, tuple)) else str(admin) for admin in settings.ADMINS
    ]
    if not admins:
        hint = 'Set ADMINS, or write ["ops@example.com"].'
        raise InvalidOption("to", "is missing, and ADMINS names nobody", hint)
    return [_require_address("to", admin) for admin in admins]


def _require_addresses(value: object) -> list[str]:
    if not isinstance(value, (list, tuple)) or not value:
        raise InvalidOption("to", "must be a list of addresses", 'Write ["ops@example.com"].')
    return [_require_address("to", address) for address in value]


def _require_address(option: str, value: object) -> str:
    address = require_text(option, value)
    _, bare = parseaddr(address)
    if "@" not in bare or any(character in address for character in "\r\n"):
        hint = 'Write "ops@example.com" or "Operators <ops@example.com>".'
        raise InvalidOption(option, "must hold addresses of e-mail", hint)
    return address


def _require_prefix(value: object) -> str:
    if not isinstance(value, str) or any(character in value for character in "\r\n"):
        raise InvalidOption("subject_prefix", "must be a string of one line")
    return value


def _require_mailer(value: object) -> str | None:
    known = [*mail.mailers] if hasattr(mail, "mailers") else []
    if value is None:
        if known and DEFAULT_MAILER not in known:
            problem = f"is missing, and MAILERS has no {DEFAULT_MAILER}"
            raise InvalidOption("using", problem, words.suggestion("", known))
        return None
    if not known:
        hint = "Leave it out: the settings EMAIL_... tell how mail is sent."
        raise InvalidOption("using", "needs the setting MAILERS, of Django 6.1 or later", hint)
    return require_word("using", value, known)
