import logging
import threading

import pytest

from django_rclone_notify import http, retries
from django_rclone_notify.exceptions import NotifierError
from tests.loopback import Answer, refusing_url

PATH = "/services/s3cret-path"


def post(url, *, timeout=5.0):
    return http.post(url + PATH, b"hello", content_type="text/plain", timeout=timeout)


def test_answer_is_returned(server):
    server.answer_with(Answer(body=b"OK (not found)"))
    assert post(server.url) == "OK (not found)"
    [request] = server.requests
    assert (request.method, request.path, request.text) == ("POST", PATH, "hello")


def test_long_answer_is_read_only_at_its_beginning(server):
    server.answer_with(Answer(body=b"x" * 1_000_000))
    assert len(post(server.url)) <= 500


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
    assert post(server.url) == "OK"


def test_unusable_address_is_told_without_it():
    with pytest.raises(NotifierError) as caught:
        http.post("http://*x/s3cret", b"", content_type="text/plain", timeout=1.0)
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
    assert post(server.url) == "OK"
