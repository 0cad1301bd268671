"""Where mail arrives: a real mail server on loopback, which Django is told of."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core import mail
from django.test import override_settings

from tests.notify.places import GONE, SECRET
from tests.support.http_server import refusing_url
from tests.support.smtp_server import MailServer, silent_port

# A server answers 4xx when it is busy and 5xx when it never will: RFC 5321.
_PASSING = {"503 once": "451 busy"}
_LASTING = {"500": "451 busy", "404": "550 no such user", "403 that echoes": f"554 {SECRET}"}
TROUBLES = frozenset({*_PASSING, *_LASTING, "hangs", GONE})

_STATE = re.compile(r" (started|succeeded again|succeeded|failed) on ")


def smtp(port: int) -> dict[str, Any]:
    """Return the settings that have Django mail through a server, in the words of its version."""
    backend = "django.core.mail.backends.smtp.EmailBackend"
    if hasattr(mail, "mailers"):
        options = {"host": "127.0.0.1", "port": port}
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {"EMAIL_BACKEND": backend, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": port}


class MailPlace:
    """The mail server, and the settings that lead to it."""

    options = {"to": ["ops@example.com"]}

    def __init__(self, server: MailServer, cleanup: contextlib.ExitStack) -> None:
        self._server = server
        self._cleanup = cleanup
        self._lead_to(server.port)

    @property
    def settings(self) -> str:
        return "".join(f"{name} = {value!r}\n" for name, value in smtp(self._port).items())

    def told(self) -> list[str]:
        found = [_STATE.search(one["Subject"]) for one in self._server.mails]
        return ["recovered" if state[1].endswith("again") else state[1] for state in found if state]

    def arrived(self) -> bytes:
        # Decoded, because the encoding on the wire would hide what is looked for.
        texts = [part.get_content() for one in self._server.mails for part in one.iter_parts()]
        return "\n".join([*(one["Subject"] for one in self._server.mails), *texts]).encode()

    def suffer(self, trouble: str) -> None:
        if trouble in _PASSING:
            self._server.answer_with(_PASSING[trouble])
        elif trouble in _LASTING:
            self._server.always_answer(_LASTING[trouble])
        elif trouble == GONE:
            url = self._cleanup.enter_context(refusing_url())
            self._lead_to(int(url.rpartition(":")[2]))
        else:
            self._lead_to(self._cleanup.enter_context(silent_port()))

    def _lead_to(self, port: int) -> None:
        self._port = port
        self._cleanup.enter_context(override_settings(**smtp(port)))


@contextlib.contextmanager
def open_mail_place(folder: Path) -> Iterator[MailPlace]:
    with MailServer() as server, contextlib.ExitStack() as cleanup:
        yield MailPlace(server, cleanup)
