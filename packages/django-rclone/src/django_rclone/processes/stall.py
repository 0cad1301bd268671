"""How long to wait for a program that shows no life."""

from dataclasses import dataclass

from ..exceptions import ProcessError


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds to wait for a program that shows no life, and the setting that says so."""

    seconds: float
    setting: str

    def lost(self, error: ProcessError) -> ProcessError:
        """Return the error of a program that was stopped since nothing moved any more."""
        return type(error)(
            f"Nothing moved for {self.seconds:g} seconds.\n{error.message}",
            hint=f"Find out what it waits for; or allow more time by {self.setting}.",
            returncode=error.returncode,
        )
