"""Sources and targets of the relay that live in memory."""

from collections.abc import Callable, Sequence

CHUNK = 1 << 20


class FakeSource:
    """Gives out bytes, at most ``step`` at a time."""

    def __init__(
        self, data: bytes, *, step: int = CHUNK, error: BaseException | None = None
    ) -> None:
        self._data = memoryview(data)
        self._step = step
        self._error = error
        self.at_end = False
        self.finished = False

    def read(self, size: int) -> bytes:
        piece = bytes(self._data[: min(size, self._step)])
        self._data = self._data[len(piece) :]
        self.at_end = not piece
        return piece

    def finish(self) -> None:
        assert self.at_end, "finish() is called after the end"
        self.finished = True
        if self._error is not None:
            raise self._error


class FakeSink:
    """Keeps what it is given. ``on_finish`` is called when it is finished."""

    def __init__(
        self, *, error: BaseException | None = None, on_finish: Callable[[], None] = lambda: None
    ) -> None:
        self._error = error
        self._on_finish = on_finish
        self.pieces: list[bytes] = []
        self.finished = False

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    def write(self, data: bytes) -> None:
        assert not self.finished, "nothing is written after the end"
        assert data, "empty pieces are not written"
        if self._error is not None:
            raise self._error
        self.pieces.append(bytes(data))

    def finish(self) -> None:
        self._on_finish()
        assert not self.finished, "it is finished once"
        self.finished = True


class FakeProgress:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def __call__(self, size: int) -> None:
        self.told.append(size)

    @property
    def in_order(self) -> bool:
        return is_rising(self.told)


def is_rising(numbers: Sequence[int]) -> bool:
    return list(numbers) == sorted(numbers)
