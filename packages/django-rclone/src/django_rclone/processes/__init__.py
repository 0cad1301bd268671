"""The only code that starts programs."""

from .inheritance import RCLONE_VARIABLE, left_out, set_right
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
    "RCLONE_VARIABLE",
    "SECRET_FILE",
    "Command",
    "DescribeFailure",
    "Process",
    "StallTimeout",
    "describe_failure",
    "left_out",
    "run",
    "set_right",
]
