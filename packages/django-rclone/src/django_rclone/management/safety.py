"""What the commands that restore databases say of what is replaced."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..operations.restore import RestorePlan


def add_safety_backup(parser: argparse.ArgumentParser) -> None:
    """Add ``--no-safety-backup``."""
    parser.add_argument(
        "--no-safety-backup",
        action="store_false",
        dest="safety_backup",
        help="Makes no backup first of what is in the database now. It cannot be recovered then.",
    )


def safety_sentence(plan: "RestorePlan") -> str:
    """Return a sentence on whether what is in the database now is backed up first."""
    if plan.nothing_to_lose:
        return f"What is in it now is not backed up first: {plan.nothing_to_lose}."
    if plan.safety_backup:
        return "What is in it now is backed up first."
    return "What is in it now is NOT backed up first, and cannot be recovered."
