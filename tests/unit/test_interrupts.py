"""A signal interrupts only where the code said that it may."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from django_rclone.exceptions import OperationInterrupted
from django_rclone.interrupts import (
    Crew,
    deferred_signals,
    interruptible,
    interruption_here,
    is_interrupted,
    look,
    sleep,
    time_left,
    uninterrupted,
)


@pytest.fixture(autouse=True)
def nothing_stays_behind() -> Iterator[None]:
    # Where the tests outlive their terminal, SIGHUP has a handler.
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    assert not is_interrupted()
    assert_a_signal_is_deferred()
    assert {number: signal.getsignal(number) for number in SIGNALS} == handlers
    signal.signal(signal.SIGHUP, hang_up)


SIGNALS = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: OperationInterrupted,
    signal.SIGHUP: OperationInterrupted,
}


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def assert_a_signal_is_deferred() -> None:
    """Fail if an interruptible block was left open."""
    steps = []
    expected = pytest.raises(OperationInterrupted)
    with expected, deferred_signals():
        send(signal.SIGTERM)
        steps.append("went on")
    assert steps == ["went on"]


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


def fail_with_a_signal() -> None:
    with deferred_signals():
        send(signal.SIGTERM)
        raise ValueError("another error")


def test_a_signal_that_came_with_another_error_does_not_stop_the_next_run() -> None:
    with pytest.raises(ValueError, match="another error"):
        fail_with_a_signal()
    with deferred_signals(), interruptible():
        pass


def end_and_look(found: list[float | None]) -> None:
    with deferred_signals():
        try:
            with interruptible():
                found.append(time_left())
                send(signal.SIGTERM)
        finally:
            found.append(time_left())


def test_little_time_is_left_once_a_signal_was_raised() -> None:
    found: list[float | None] = []
    with pytest.raises(OperationInterrupted):
        end_and_look(found)
    before, after = found
    assert before is None
    assert after is not None
    assert after <= 3
    assert time_left() is None


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


def test_what_another_thread_may_be_interrupted_in_does_not_expose_this_one() -> None:
    def work() -> None:
        with deferred_signals(), interruptible():
            send(signal.SIGTERM)

    steps = []
    thread = threading.Thread(target=work)
    expected = pytest.raises(OperationInterrupted)
    with expected, deferred_signals():
        thread.start()
        thread.join()
        steps.append("went on")
    assert steps == ["went on"]


def in_crew(crew: Crew, *calls: Callable[[], object]) -> list[BaseException]:
    """Run each call in a thread of its own, as a member; return what they raised."""
    errors: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            with crew.member():
                call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_every_member_is_interrupted_with_an_error_of_its_own() -> None:
    crew = Crew()
    began = threading.Barrier(3)

    def interrupt() -> None:
        began.wait()
        crew.interrupt(OperationInterrupted("SIGTERM", 143))

    def wait() -> None:
        began.wait()
        sleep(600)

    errors = in_crew(crew, wait, wait, interrupt)
    assert [(str(one), getattr(one, "exit_code", None)) for one in errors] == [
        ("Stopped by SIGTERM.", 143)
    ] * 2
    assert errors[0] is not errors[1]


def test_member_is_interrupted_once_and_only_where_it_may_be() -> None:
    crew = Crew()
    steps: list[object] = []

    def work() -> None:
        crew.interrupt(KeyboardInterrupt())
        with interruptible(raise_pending=False), uninterrupted(), interruptible():
            look()
            steps.append(is_interrupted())
        try:
            with interruptible():
                steps.append("never comes here")
        finally:
            with interruptible():
                look()
                steps.append("undone")

    [error] = in_crew(crew, work)
    assert isinstance(error, KeyboardInterrupt)
    assert steps == [True, "undone"]


def test_member_that_comes_late_is_interrupted_too() -> None:
    crew = Crew()
    crew.interrupt(KeyboardInterrupt())
    [error] = in_crew(crew, lambda: sleep(600))
    assert isinstance(error, KeyboardInterrupt)
    assert crew.is_interrupted


def test_another_thread_can_see_that_this_one_is_interrupted() -> None:
    seen = []
    expected = pytest.raises(OperationInterrupted)
    with expected, deferred_signals():
        is_interrupted_here = interruption_here()
        for signals in ((), (signal.SIGTERM,)):
            for number in signals:
                send(number)
            thread = threading.Thread(target=lambda: seen.append(is_interrupted_here()))
            thread.start()
            thread.join()
    assert seen == [False, True]
