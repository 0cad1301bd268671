"""A real mail server on loopback, and the settings that make Django use it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core import mail
from django.test import override_settings

from tests.notify.endpoints import GONE, SECRET, Endpoint, state_in_title
from tests.support.http_server import refusing_url
from tests.support.smtp_server import MailServer, silent_port

# A server answers 4xx when it is busy and 5xx when it never will: RFC 5321.
_PASSING_FAULTS = {"503 once": "451 busy"}
_LASTING_FAULTS = {"500": "451 busy", "404": "550 no such user", "403 that echoes": f"554 {SECRET}"}
FAULTS = frozenset({*_PASSING_FAULTS, *_LASTING_FAULTS, "hangs", GONE})


def smtp(port: int) -> dict[str, Any]:
    """Return the settings for a mail server, in the form of the installed Django."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    if hasattr(mail, "mailers"):
        options = {"host": "127.0.0.1", "port": port}
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {"EMAIL_BACKEND": backend, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": port}


class MailEndpoint:
    """The mail server, and the settings for it."""

    options = {"to": ["ops@example.com"]}

    def __init__(self, server: MailServer, cleanup: contextlib.ExitStack) -> None:
        self._server = server
        self._cleanup = cleanup
        self._use(server.port)

    @property
    def settings(self) -> str:
        return "".join(f"{name} = {value!r}\n" for name, value in smtp(self._port).items())

    def states(self) -> list[str]:
        states = [state_in_title(message["Subject"]) for message in self._server.mails]
        return [state for state in states if state]

    def received(self) -> bytes:
        texts = [
            text
            for message in self._server.mails
            for text in (
                message["Subject"],
                *(part.get_content() for part in message.iter_parts()),
            )
        ]
        return "\n".join(texts).encode()

    def fail_with(self, fault: str) -> None:
        if fault in _PASSING_FAULTS:
            self._server.answer_with(_PASSING_FAULTS[fault])
        elif fault in _LASTING_FAULTS:
            self._server.always_answer(_LASTING_FAULTS[fault])
        elif fault == GONE:
            url = self._cleanup.enter_context(refusing_url())
            self._use(int(url.rpartition(":")[2]))
        else:
            self._use(self._cleanup.enter_context(silent_port()))

    def _use(self, port: int) -> None:
        self._port = port
        self._cleanup.enter_context(override_settings(**smtp(port)))


@contextlib.contextmanager
def open_mail_server(folder: Path) -> Iterator[Endpoint]:
    with MailServer() as server, contextlib.ExitStack() as cleanup:
        yield MailEndpoint(server, cleanup)
