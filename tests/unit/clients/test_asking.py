"""The wait for an answer can be ended, whatever the driver does."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from django_rclone.clients.asking import Line, NoAnswer, answer_to
from django_rclone.exceptions import OperationInterrupted
from django_rclone.interrupts import deferred_signals, interruptible


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_an_answer_is_returned_and_an_error_raised() -> None:
    assert answer_to(lambda: 42, give_up=lambda: None) == 42
    with pytest.raises(ZeroDivisionError):
        answer_to(lambda: 1 // 0, give_up=lambda: None)


def test_a_question_without_an_answer_is_given_up(
    line: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = line
    before = threading.active_count()
    with pytest.raises(NoAnswer):
        answer_to(lambda: ours.recv(1), give_up=Line(ours).hang_up, seconds=0.1)
    assert threading.active_count() == before


def test_a_driver_that_hangs_on_loses_its_connection() -> None:
    lost: list[bool] = []
    done = threading.Event()
    with pytest.raises(NoAnswer):
        answer_to(done.wait, give_up=lambda: 1 // 0, lost=lambda: lost.append(True), seconds=0.1)
    done.set()
    assert lost == [True]


def test_a_signal_ends_the_wait_although_the_driver_does_not_notice_it(
    line: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = line

    def ask() -> bytes:
        os.kill(os.getpid(), signal.SIGTERM)
        return ours.recv(1)

    began = time.monotonic()
    with pytest.raises(OperationInterrupted), deferred_signals(), interruptible():
        answer_to(ask, give_up=Line(ours).hang_up)
    assert time.monotonic() - began < 30
