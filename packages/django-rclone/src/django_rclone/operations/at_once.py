"""Work on several databases at once, in threads that one signal interrupts together."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from threading import Thread

from django.db import connections

from ..interrupts import LOOK, Crew, interruptible, look, uninterrupted


def for_each(items: Sequence[str], work: Callable[[str], None], *, jobs: int) -> None:
    """Call ``work`` with each item, up to ``jobs`` of them at once; return when all have ended.

    Of several, each is worked on in a thread, whose connections to databases are its own
    and closed at its end. What interrupts this thread is raised in all of them, and here
    once they have ended. What ``work`` raises ends nothing but its thread, and is raised
    in the end: it is for ``work`` to say that an error is none.
    """
    if min(jobs, len(items)) <= 1:
        for item in items:
            work(item)
        return
    crew = Crew()
    left = deque(items)
    ends: list[Future[None]] = [Future() for _ in range(min(jobs, len(items)))]
    threads = [Thread(target=_run, args=(left, work, crew, end), daemon=True) for end in ends]
    try:
        with interruptible():
            for thread in threads:
                thread.start()
            while wait(ends, timeout=LOOK).not_done:
                look()
    except BaseException as error:
        crew.interrupt(error)
        raise
    finally:
        with uninterrupted():
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
    for end in ends:
        end.result()


def _run(left: deque[str], work: Callable[[str], None], crew: Crew, end: "Future[None]") -> None:
    try:
        with crew.member():
            while left and not crew.is_interrupted:
                try:
                    item = left.popleft()
                except IndexError:
                    break  # another thread was faster
                try:
                    work(item)
                finally:
                    connections.close_all()
    except BaseException as error:  # noqa: BLE001 - raised by the thread that waits
        end.set_exception(error)
    else:
        end.set_result(None)
