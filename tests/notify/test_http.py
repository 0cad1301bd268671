import contextlib
import logging
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from django_rclone_notify.exceptions import NotifierError
from django_rclone_notify.secrets import Secret
from django_rclone_notify.transport import http, retry
from django_rclone_notify.transport.deadline import time_limit
from tests.support.http_server import Answer, refusing_url

PATH = "/services/s3cret-path"
BODY = b"hello"


def post(url, *, timeout=5.0):
    with time_limit(timeout):
        return http.post(Secret(url + PATH), BODY, content_type="text/plain")


def test_response_is_returned(server):
    server.answer_with(Answer(body=b"OK (not found)"))
    assert post(server.url).text == "OK (not found)"
    [request] = server.requests
    assert (request.method, request.path, request.text) == ("POST", PATH, "hello")


def test_long_body_is_truncated(server):
    server.answer_with(Answer(body=b"x" * 1_000_000))
    assert len(post(server.url).text) <= 64_000


def test_body_in_chunks_is_read_completely():
    with chunked(b'{"ok": ', b"true}") as url:
        assert post(url).text == '{"ok": true}'


def test_endless_body_is_read_until_the_deadline():
    with chunked(*[b"drip"] * 10_000, pause=0.05) as url:
        answer = post(url, timeout=0.5)
    assert answer.status == 200
    assert 0 < len(answer.text) < 10_000


@contextlib.contextmanager
def chunked(*pieces, pause=0.0):
    """Serve one response in chunks, with a pause after each, until the client disconnects."""

    def serve():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ConnectionError):
            # All of it: the rest, unread, would break the connection at its end.
            for received in iter(lambda: connection.recv(65_536), b""):
                if received.endswith(BODY):
                    break
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in (*pieces, b""):
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                time.sleep(pause)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.join()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(status, server, log):
    server.always_answer(Answer(status=status, headers={"Location": "/elsewhere"}))
    with pytest.raises(NotifierError, match=f"HTTP {status}") as caught:
        post(server.url)
    assert caught.value.permanent
    assert [request.path for request in server.requests] == [PATH]
    assert "s3cret" not in log.everything


def test_broken_connection_is_retried():
    with refusing_url() as url, pytest.raises(NotifierError, match="No connection to 127"):
        post(url)


def test_all_attempts_together_keep_to_the_deadline(server, monkeypatch):
    monkeypatch.setattr(retry, "PAUSES", (30.0, 30.0))
    server.always_answer(500)
    with pytest.raises(NotifierError):
        post(server.url, timeout=0.5)
    assert len(server.requests) == 1


def test_slow_answer_within_the_deadline_counts(server):
    server.answer_with(Answer(delay=0.2))
    assert str(post(server.url)) == "200 OK"


def test_invalid_url_is_reported_without_the_url():
    with pytest.raises(NotifierError) as caught:
        http.post(Secret("http://*x/s3cret"), b"", content_type="text/plain")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_debug_lines_of_other_threads_stay_in_the_log(server, log):
    def log_something():
        server.wait_for(1)
        logging.getLogger("urllib3.connectionpool").debug("from another thread")

    server.answer_with(Answer(delay=0.3))
    other = threading.Thread(target=log_something)
    other.start()
    post(server.url)
    other.join()
    assert "from another thread" in log.everything
    assert "s3cret" not in log.everything


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf"])
def test_invalid_retry_after_is_ignored(value, server):
    server.answer_with(Answer(status=503, headers={"Retry-After": value}), 200)
    assert str(post(server.url)) == "200 OK"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"ok", "200 ok"),
        (b"", "200"),
        (b"channel_is_archived\n", "200 channel_is_archived"),
        (b"posted to /services/T0/s3cret", "200"),
        (b"x" * 41, "200"),
        (b"<html>", "200"),
    ],
)
def test_reason_is_shown_only_if_it_cannot_be_a_secret(body, shown, server):
    server.answer_with(Answer(body=body))
    answer = post(server.url)
    assert str(answer) == shown
    assert "s3cret" not in repr(answer)


def test_retry_after_can_be_a_date(server):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    server.answer_with(Answer(status=503, headers={"Retry-After": soon}), 200)
    assert str(post(server.url)) == "200 OK"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("12", 12),
        ("Mon, 15 Jan 2024 12:00:00 GMT", 0),
        ("Mon, 15 Jan 99999999999 12:00:00 GMT", 0),
        ("0.5", 0),
        ("9" * 5_000, 0),
        ("x", 0),
    ],
    ids=range(6),
)
def test_retry_after_in_seconds(header, seconds):
    assert http.retry_after_seconds(header) == seconds


def test_retry_after_a_date_in_the_future():
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert 3_500 < http.retry_after_seconds(in_an_hour) <= 3_600
    without_zone = in_an_hour.replace(" GMT", "")
    assert 3_500 < http.retry_after_seconds(without_zone) <= 3_600
