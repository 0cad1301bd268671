"""The only code that starts programs."""

from .process import (
    SECRET_FILE,
    Command,
    DescribeFailure,
    Process,
    StallTimeout,
    describe_failure,
    run,
)

__all__ = [
    "SECRET_FILE",
    "Command",
    "DescribeFailure",
    "Process",
    "StallTimeout",
    "describe_failure",
    "run",
]
