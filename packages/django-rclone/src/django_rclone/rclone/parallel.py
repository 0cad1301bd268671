"""How many files are on their way at once: small ones are what takes long, each waits for an answer."""

from dataclasses import dataclass

_SMALL = 256 << 10  # bytes of a file, on average


@dataclass(frozen=True, slots=True)
class AtOnce:
    """So many copies and questions at a time."""

    copies: int
    questions: int
    buffer: str
    """How much of each file is read ahead: all of them must fit into memory."""

    @property
    def flags(self) -> tuple[str, ...]:
        """As flags of a command of rclone."""
        return (
            f"--transfers={self.copies}",
            f"--checkers={self.questions}",
            f"--buffer-size={self.buffer}",
        )

    @property
    def config(self) -> dict[str, object]:
        """As the ``_config`` of a request: https://rclone.org/rc/."""
        return {
            "Transfers": self.copies,
            "Checkers": self.questions,
            "BufferSize": self.buffer,
        }


FILES = AtOnce(16, 32, "16M")
"""What servers for files still allow, such as those for SSH."""
SMALL_OBJECTS = AtOnce(64, 128, "1M")
"""A storage of objects takes as many requests as one likes."""


def are_small(files: int, size: int) -> bool:
    """Return whether so many files of so many bytes are small ones, on average."""
    return size <= files * _SMALL
