"""The proxy counts requests, and delays as a link does."""

import asyncio
import time

import pytest

from tests.benchmarks.proxy import Link, Proxy, Requests, longest_chain

PUT = b"PUT /b/dump HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
GET = b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_link_adds_its_delay_and_the_time_of_the_bytes():
    link = Link(delay=0.02, rate=1000)
    assert link.arrival(100, now=5.0) == pytest.approx(5.12)
    # All share the link: the next bytes wait until it is free.
    assert link.arrival(100, now=5.0) == pytest.approx(5.22)
    assert link.arrival(0, now=9.0) == pytest.approx(9.02)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_requests_are_counted_however_the_bytes_come(piece: int):
    requests = Requests()
    sent = [PUT + b"GET / ...", GET, CHUNKED + b"4\r\nGET \r\n0\r\n\r\n", GET]
    for number, one in enumerate(sent):
        for start in range(0, len(one), piece):
            requests.sent(one[start : start + piece], float(number), 0.0)
    assert [begin for begin, _ in requests.spans] == [0, 1, 2, 3]


def test_requests_that_follow_at_once_are_counted():
    requests = Requests()
    requests.sent(PUT + b"GET / ..." + GET + GET, 0.0, 0.0)
    assert len(requests.spans) == 3


def test_a_request_lasts_until_the_last_byte_of_its_answer_arrives():
    requests = Requests()
    requests.received(b"early", 0.0, 0.0)
    requests.sent(GET, 1.0, 1.02)
    requests.received(b"HTTP/1.1 200 OK", 1.1, 1.12)
    requests.received(b"body", 1.2, 1.22)
    requests.received(b"", 1.3, 1.32)
    assert requests.spans == [(1.0, 1.22)]


@pytest.mark.parametrize(
    ("spans", "count"),
    [
        ([], 0),
        ([(0, 1), (1, 2), (2, 3)], 3),
        ([(0, 3), (1, 2), (0, 3)], 1),
        ([(0, 1), (0, 1), (2, 3), (2, 3)], 2),
        ([(0, 9), (1, 2), (3, 4)], 2),
    ],
)
def test_requests_that_overlap_are_not_one_after_the_other(spans, count):
    assert longest_chain(spans) == count


def test_a_connection_takes_a_round_trip_and_a_request_another():
    asyncio.run(_one_request())


async def _one_request() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[1], round_trip=0.1, rate=1e6)
    front = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    async with server, front:
        started = time.monotonic()
        reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        # Never sooner; how much later depends on the machine.
        assert time.monotonic() - started >= 0.2
        [(begin, end)] = proxy.spans()
        assert end - begin >= 0.1 - 0.05
        writer.close()
        await writer.wait_closed()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    proxy.forget()
    assert proxy.spans() == []
