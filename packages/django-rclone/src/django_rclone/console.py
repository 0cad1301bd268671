"""What an operation may tell the person who runs it."""


class Console:
    """Says nothing: what code without a terminal passes. Commands pass one that prints."""

    def say(self, text: str) -> None:
        """Tell a step."""

    def warn(self, text: str) -> None:
        """Tell something that deserves attention and does not fail the operation."""

    def progress(self, transferred: int) -> None:
        """Tell how many bytes have been moved so far. Called often."""
