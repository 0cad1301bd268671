"""The only code that starts programs."""

from .command import SECRET_FILE, Command, DescribeFailure, StallTimeout, describe_failure
from .inheritance import RCLONE_VARIABLE, left_out, set_right
from .process import Process, communicate, run

__all__ = [
    "RCLONE_VARIABLE",
    "SECRET_FILE",
    "Command",
    "DescribeFailure",
    "Process",
    "StallTimeout",
    "communicate",
    "describe_failure",
    "left_out",
    "run",
    "set_right",
]
