"""The only code that starts programs."""

from .process import (
    SECRET_FILE,
    Command,
    DescribeFailure,
    Process,
    describe_failure,
    run,
)
from .stall import Patience

__all__ = [
    "SECRET_FILE",
    "Command",
    "DescribeFailure",
    "Patience",
    "Process",
    "describe_failure",
    "run",
]
