"""A signal interrupts only where the code said that it may."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from django_rclone import interrupts as interruption
from django_rclone.exceptions import OperationInterrupted
from django_rclone.interrupts import deferred_signals, interruptible


@pytest.fixture(autouse=True)
def nothing_stays_behind() -> Iterator[None]:
    # Where the tests outlive their terminal, SIGHUP has a handler.
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    assert interruption._regions == 0
    assert interruption._pending is None
    assert {number: signal.getsignal(number) for number in SIGNALS} == handlers
    signal.signal(signal.SIGHUP, hang_up)


SIGNALS = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: OperationInterrupted,
    signal.SIGHUP: OperationInterrupted,
}


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_deferred_until_the_code_is_interruptible(number: signal.Signals) -> None:
    steps = []
    expected = pytest.raises(SIGNALS[number])
    with expected, deferred_signals():
        send(number)
        steps.append("went on")
        with interruptible():
            steps.append("never comes here")
    assert steps == ["went on"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_an_interruptible_block_at_once(number: signal.Signals) -> None:
    steps = []
    expected = pytest.raises(SIGNALS[number])
    with expected, deferred_signals(), interruptible():
        send(number)
        steps.append("never comes here")
    assert steps == []


@pytest.mark.parametrize("number", SIGNALS)
def test_a_deferred_signal_is_raised_at_the_end(number: signal.Signals) -> None:
    steps = []
    expected = pytest.raises(SIGNALS[number])
    with expected, deferred_signals():
        send(number)
        with interruptible(raise_pending=False):
            steps.append("the outcome is reported")
    assert steps == ["the outcome is reported"]


def test_a_second_sigterm_does_not_interrupt_the_undoing() -> None:
    steps = []
    expected = pytest.raises(OperationInterrupted)
    with expected as stopped, deferred_signals(), interruptible():
        try:
            send(signal.SIGTERM)
        finally:
            send(signal.SIGTERM)
            steps.append("undone")
    assert steps == ["undone"]
    assert stopped.value.exit_code == 143


def test_a_handler_of_the_site_is_left_alone() -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with deferred_signals(), interruptible():
            send(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_other_threads_do_not_handle_signals() -> None:
    errors = []

    def work() -> None:
        try:
            with deferred_signals(), interruptible():
                assert interruption._regions == 0
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []
