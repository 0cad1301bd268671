"""Several pieces of work at once: how many, what an error ends, what a signal ends."""

import os
import signal
import threading

import pytest

from django_rclone.exceptions import OperationInterrupted
from django_rclone.interrupts import deferred_signals, sleep
from django_rclone.operations.at_once import for_each

ITEMS = ("a", "b", "c", "d", "e")


def test_one_job_works_in_this_thread_and_in_order() -> None:
    done: list[tuple[str, threading.Thread]] = []
    for_each(ITEMS, lambda item: done.append((item, threading.current_thread())), jobs=1)
    assert done == [(item, threading.current_thread()) for item in ITEMS]


def test_no_more_threads_than_jobs_share_all_items() -> None:
    met = threading.Barrier(2, timeout=60)
    done: dict[str, str] = {}

    def work(item: str) -> None:
        if item in "ab":
            met.wait()
        done[item] = threading.current_thread().name

    for_each(ITEMS, work, jobs=2)
    assert sorted(done) == list(ITEMS)
    assert len(set(done.values())) == 2


def test_error_is_raised_when_the_others_have_ended() -> None:
    done = []

    def work(item: str) -> None:
        if item == "a":
            raise ValueError(item)
        done.append(item)

    with pytest.raises(ValueError, match="a"):
        for_each(ITEMS, work, jobs=2)
    assert sorted(done) == list(ITEMS[1:])


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, OperationInterrupted)],
)
def test_signal_interrupts_all_and_begins_nothing_more(
    number: signal.Signals, error: type[BaseException]
) -> None:
    met = threading.Barrier(3, timeout=60)
    ended: list[tuple[str, str]] = []

    def work(item: str) -> None:
        met.wait()
        try:
            sleep(600)
        except BaseException as error:
            ended.append((item, type(error).__name__))
            raise

    def kill() -> None:
        met.wait()
        os.kill(os.getpid(), number)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(error), deferred_signals():
        for_each(ITEMS, work, jobs=2)
    killer.join()
    assert sorted(ended) == [("a", error.__name__), ("b", error.__name__)]
