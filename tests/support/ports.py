"""Free ports of loopback, for servers that must be told one."""

import contextlib
import random
import socket


def free_port() -> int:
    """Return a port that nobody listens on.

    It is below those that the system gives to connections: one of these could take it
    before the server does.
    """
    while True:
        port = random.randrange(12_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
