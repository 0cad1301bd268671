"""A storage that is far away: a proxy that delays, limits the rate, and counts requests. A program.

    python -m tests.benchmarks.proxy TARGET_PORT ROUND_TRIP_SECONDS BYTES_PER_SECOND

It prints its port, then answers each line of its stdin: ``forget``, or ``count`` by the times
of all requests as JSON. It ends with its stdin.

The model is a link of a constant delay, half of the round trip each way, and of one rate for
all connections together, in each direction. A new connection takes a round trip more, as TCP
does; TLS, which would take one or two more, is left out. No packets are lost.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

_CHUNK = 65_536
_WINDOW = 32
"""How many chunks of one connection and direction may be on their way."""


@dataclass(slots=True)
class Link:
    """One direction: says when bytes that are sent now arrive."""

    delay: float
    rate: float
    free_at: float = 0.0

    def arrival(self, size: int, now: float) -> float:
        """Return the time at which the last of ``size`` bytes arrives."""
        self.free_at = max(self.free_at, now) + size / self.rate
        return self.free_at + self.delay


@dataclass(slots=True)
class Requests:
    """The requests of one connection: HTTP/1.1, one at a time."""

    spans: list[tuple[float, float]] = field(default_factory=list)
    _head: bytes = b""
    _body: int = 0
    _chunked: bool = False

    def sent(self, data: bytes, now: float, arrival: float) -> None:
        """Take note of bytes to the server."""
        while data:
            if self._chunked:
                # The end of a body may come in two pieces; nothing follows it before the answer.
                self._head = (self._head + data)[-5:]
                if self._head == b"0\r\n\r\n":
                    self._chunked, self._head = False, b""
                return
            if self._body:
                taken = min(self._body, len(data))
                self._body -= taken
                data = data[taken:]
                continue
            if not self._head:
                self.spans.append((now, now))
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            self._head = b"" if end else head
            if end:
                self._begin_body(head.lower())

    def received(self, data: bytes, now: float, arrival: float) -> None:
        """Take note of bytes from the server."""
        if data and self.spans:
            self.spans[-1] = (self.spans[-1][0], arrival)

    def _begin_body(self, head: bytes) -> None:
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                self._body = int(value)
            elif name == b"transfer-encoding":
                self._chunked = value.strip() == b"chunked"


def longest_chain(spans: Iterable[tuple[float, float]]) -> int:
    """Return how many of these spans can follow one another without overlap, at most."""
    count, last = 0, float("-inf")
    for begin, end in sorted(spans, key=lambda span: span[1]):
        if begin >= last:
            count, last = count + 1, end
    return count


class Proxy:
    """Passes connections on to a port of loopback."""

    def __init__(self, target: int, round_trip: float, rate: float) -> None:
        self._target = target
        self._round_trip = round_trip
        self._up = Link(round_trip / 2, rate)
        self._down = Link(round_trip / 2, rate)
        self._connections: list[Requests] = []

    def forget(self) -> None:
        """Forget all requests so far."""
        for requests in self._connections:
            requests.spans.clear()

    def spans(self) -> list[tuple[float, float]]:
        """Return when each request began, and when the last byte of its answer arrived."""
        return [span for requests in self._connections for span in requests.spans]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection."""
        await asyncio.sleep(self._round_trip)
        answers, server = await asyncio.open_connection("127.0.0.1", self._target)
        requests = Requests()
        self._connections.append(requests)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, server, self._up, requests.sent))
                group.create_task(_pass_on(answers, writer, self._down, requests.received))
        except* OSError:
            pass  # one side hung up
        finally:
            for one in (writer, server):
                one.close()
                with suppress(OSError):
                    await one.wait_closed()


async def _pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    link: Link,
    note: Callable[[bytes, float, float], None],
) -> None:
    """Pass on one direction: each piece at the time when the link delivers it."""
    underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WINDOW)

    async def deliver() -> None:
        while True:
            at, data = await underway.get()
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(deliver())
        data = b"more"
        while data:
            data = await reader.read(_CHUNK)
            now = time.monotonic()
            arrival = link.arrival(len(data), now)
            note(data, now, arrival)
            await underway.put((arrival, data))


async def main(target: int, round_trip: float, rate: float) -> None:
    """Serve until stdin ends."""
    proxy = Proxy(target, round_trip, rate)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        if line == "forget":
            proxy.forget()
        print(json.dumps(proxy.spans()), flush=True)
    server.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
