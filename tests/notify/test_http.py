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
from django_rclone_notify.transport import http
from django_rclone_notify.transport import retry as retries
from django_rclone_notify.transport.deadline import limited_to
from tests.support.http_server import Answer, refusing_url

PATH = "/services/s3cret-path"


def post(url, *, timeout=5.0):
    with limited_to(timeout):
        return http.post(Secret(url + PATH), b"hello", content_type="text/plain")


def test_answer_is_returned(server):
    server.answer_with(Answer(body=b"OK (not found)"))
    assert post(server.url).text == "OK (not found)"
    [request] = server.requests
    assert (request.method, request.path, request.text) == ("POST", PATH, "hello")


def test_long_answer_is_read_only_at_its_beginning(server):
    server.answer_with(Answer(body=b"x" * 1_000_000))
    assert len(post(server.url).text) <= 64_000


def test_answer_in_pieces_is_read_whole():
    with chunked(b'{"ok": ', b"true}") as url:
        assert post(url).text == '{"ok": true}'


def test_answer_that_never_ends_costs_no_more_than_the_time_limit():
    with chunked(*[b"drip"] * 10_000, pause=0.05) as url:
        answer = post(url, timeout=0.5)
    assert answer.status == 200
    assert 0 < len(answer.text) < 10_000


@contextlib.contextmanager
def chunked(*pieces, pause=0.0):
    """Serve one answer in pieces, with pauses between them, as long as somebody listens."""

    def serve():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ConnectionError):
            connection.recv(65_536)
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


def test_broken_connection_is_tried_again_until_the_attempts_are_used_up():
    with refusing_url() as url, pytest.raises(NotifierError, match="No connection to 127"):
        post(url)


def test_all_attempts_together_keep_to_the_timeout(server, monkeypatch):
    monkeypatch.setattr(retries, "PAUSES", (30.0, 30.0))
    server.always_answer(500)
    with pytest.raises(NotifierError):
        post(server.url, timeout=0.5)
    assert len(server.requests) == 1


def test_slow_answer_within_the_timeout_counts(server):
    server.answer_with(Answer(delay=0.2))
    assert str(post(server.url)) == "200 OK"


def test_unusable_address_is_told_without_it():
    with pytest.raises(NotifierError) as caught:
        http.post(Secret("http://*x/s3cret"), b"", content_type="text/plain")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_debug_lines_of_other_threads_stay_in_the_log(server, log):
    def speak():
        server.wait_for(1)
        logging.getLogger("urllib3.connectionpool").debug("from another thread")

    server.answer_with(Answer(delay=0.3))
    other = threading.Thread(target=speak)
    other.start()
    post(server.url)
    other.join()
    assert "from another thread" in log.everything
    assert "s3cret" not in log.everything


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf"])
def test_strange_retry_after_is_ignored(value, server):
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
def test_answer_is_shown_only_when_it_can_hold_no_secret(body, shown, server):
    server.answer_with(Answer(body=body))
    answer = post(server.url)
    assert str(answer) == shown
    assert "s3cret" not in repr(answer)


def test_date_in_retry_after_is_understood(server):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    server.answer_with(Answer(status=503, headers={"Retry-After": soon}), 200)
    assert str(post(server.url)) == "200 OK"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("12", 12), ("0.5", 0.5), ("Mon, 15 Jan 2024 12:00:00 GMT", 0), ("1e400", 0), ("x", 0)],
)
def test_pause_is_read_from_seconds_or_a_date(header, seconds):
    assert http.pause_asked_for(header) == seconds


def test_pause_until_a_date_lasts_until_then():
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert 3_500 < http.pause_asked_for(in_an_hour) <= 3_600
    without_zone = in_an_hour.replace(" GMT", "")
    assert 3_500 < http.pause_asked_for(without_zone) <= 3_600
