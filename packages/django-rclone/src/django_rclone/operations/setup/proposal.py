"""The settings that are proposed: as they are tried, with secrets, and as they are to be written."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .kinds import StorageKind

PASSWORD, SIGNING_KEY = "PASSWORD", "SIGNING_KEY"
"""What is asked for besides the options of a storage, by the names that flags give them."""

VARIABLES = {PASSWORD: "BACKUP_PASSWORD", SIGNING_KEY: "BACKUP_SIGNING_KEY"}
"""The variables of the environment that they are proposed to come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One value."""

    written: object
    """As it is to stand in the settings: a value, or ``{"ENV": ...}`` or ``{"FILE": ...}``."""
    tried: object = field(repr=False)
    """The same where it is known; a secret that was typed is nowhere else."""
    made: str = field(default="", repr=False)
    """A secret that was made here, which nobody knows yet."""

    @property
    def is_in_place(self) -> bool:
        """Whether the variable or the file has it already."""
        return self.tried == self.written

    @property
    def variable(self) -> str:
        """The variable that is to hold it; empty if none is."""
        return self._place("ENV")

    @property
    def file(self) -> str:
        """The file that is to hold it; empty if none is."""
        return self._place("FILE")

    def _place(self, source: str) -> str:
        return str(self.written.get(source, "")) if isinstance(self.written, Mapping) else ""


def plain(value: object) -> Answer:
    """Return the answer of a value that is not a secret."""
    return Answer(written=value, tried=value)


def typed(value: str, variable: str) -> Answer:
    """Return the answer of a value that was typed, and is to come from a variable."""
    return Answer(written={"ENV": variable}, tried=value)


def from_variable(variable: str) -> Answer:
    """Return the answer of a value that is in a variable."""
    return plain({"ENV": variable})


def from_file(path: str) -> Answer:
    """Return the answer of a value that is in a file."""
    return plain({"FILE": path})


def made(variable: str) -> Answer:
    """Return a new random secret, which is to come from a variable."""
    value = secrets.token_urlsafe(32)
    return Answer(written={"ENV": variable}, tried=value, made=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a site is to have in ``DJANGO_RCLONE``."""

    kind: StorageKind
    name: str
    """The name of the remote."""
    place: str
    options: Mapping[str, Answer]
    password: Answer | None
    """That of the encryption; ``None`` for none."""
    environment: str
    signing_key: Answer | None
    """``None`` if the site has one."""

    @property
    def is_bare_folder(self) -> bool:
        """Whether a path says it all."""
        return self.kind.absolute and not self.password and not self.options

    @property
    def remote(self) -> str:
        """The value of ``REMOTE``."""
        return self.place if self.is_bare_folder else f"{self.name}:{self.place}"

    def remotes(self, *, tried: bool) -> dict[str, object]:
        """Return the value of ``REMOTES``, with secrets to be ``tried``, or as it is written."""
        if self.is_bare_folder:
            return {}

        def value(answer: Answer) -> object:
            return answer.tried if tried else answer.written

        options = {**self.kind.fixed, **{name: value(one) for name, one in self.options.items()}}
        remote: dict[str, object] = {"TYPE": self.kind.type}
        if options:
            remote["OPTIONS"] = options
        if self.password:
            remote["ENCRYPTION"] = {"PASSWORD": value(self.password)}
        return {self.name: remote}

    def tried(self, present: Mapping[str, object]) -> dict[str, object]:
        """Return ``DJANGO_RCLONE`` for a trial: what is ``present``, and this."""
        others = present.get("REMOTES")
        remotes = {**(others if isinstance(others, Mapping) else {}), **self.remotes(tried=True)}
        return {**present, "REMOTES": remotes, "REMOTE": self.remote}

    def secrets(self) -> Iterator[tuple[str, Answer]]:
        """Yield what the environment or a file has to hold, with words for each."""
        texts = {one.option: one.text.partition(" (")[0] for one in self.kind.questions}
        for name, answer in self.options.items():
            if answer.variable or answer.file:
                yield texts.get(name, f"the option {name}"), answer
        if self.password:
            yield "the password of the encryption", self.password
        if self.signing_key:
            yield "the key that signs manifests", self.signing_key
