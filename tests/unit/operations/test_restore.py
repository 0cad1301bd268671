"""What became of the live data follows from the type of what ``swap()`` raised."""

import os
import signal

import pytest

from django_rclone.events import Operation, TargetState
from django_rclone.exceptions import (
    OperationInterrupted,
    RestoreError,
    SwapBroken,
    SwapRefused,
    SwapUnknown,
)
from django_rclone.interrupts import deferred_signals, interruptible
from django_rclone.operations.restore import _state_noted, _swap
from django_rclone.reporting import OperationContext, new_operation


class FakeTarget:
    """A finished restore whose swap does what it is told."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.swapped = False

    def write(self, data: bytes) -> None: ...

    def finish(self) -> None: ...

    def swap(self) -> None:
        if self.error is not None:
            raise self.error
        with interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
        self.swapped = True


def context() -> OperationContext:
    return OperationContext(new_operation(Operation.DB_RESTORE, environment=""), object)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SwapRefused("locked"), TargetState.UNCHANGED),
        (SwapBroken("half"), TargetState.CHANGED),
        (SwapUnknown("gone"), TargetState.UNKNOWN),
        (RestoreError("a client that does not say more"), TargetState.UNKNOWN),
        (KeyboardInterrupt(), TargetState.UNKNOWN),
    ],
)
def test_state_follows_from_the_type(error: BaseException, state: TargetState) -> None:
    run = context()
    with pytest.raises(type(error)) as caught, _state_noted("default", run):
        _swap(FakeTarget(error), run)
    assert run.target_state is state
    said = getattr(caught.value, "__notes__", [])
    assert (said == ["Database 'default' is unchanged."]) is (state is TargetState.UNCHANGED)


def test_swap_is_not_interrupted() -> None:
    run, target = context(), FakeTarget()
    with pytest.raises(OperationInterrupted), deferred_signals():
        _swap(target, run)
    assert target.swapped
    assert run.target_state is TargetState.CHANGED
