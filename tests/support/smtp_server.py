"""A real SMTP server on loopback that keeps its mail and answers as told.

::

    with MailServer() as server:
        server.answer_with("451 later")         # then 250 for everything else
        ...                                      # mail to 127.0.0.1:server.port
        [mail] = server.mails
"""

import contextlib
import logging
import socket
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.ports import free_port

# It logs what it is told to answer, in the process whose log is tested.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class MailServer:
    """The server; use it as a context manager."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        """Every mail that was taken, the oldest first."""
        self.attempts = 0
        self._answers: deque[str] = deque()
        self._default = "250 taken"
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def answer_with(self, *answers: str) -> None:
        """Answer the next mails with ``answers``, in order."""
        self._answers.extend(answers)

    def always_answer(self, answer: str) -> None:
        """Answer with ``answer`` whenever nothing else is planned."""
        self._default = answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.attempts += 1
        answer = self._answers.popleft() if self._answers else self._default
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(message_from_bytes(content, policy=policy.default))
        return answer

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()


@contextlib.contextmanager
def silent_port() -> Any:
    """Yield a port that takes connections and never says anything."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]
