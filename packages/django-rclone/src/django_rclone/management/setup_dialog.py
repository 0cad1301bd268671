"""The questions of ``backupsetup``: what flags and the environment do not say is asked for."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.core.management.base import CommandError

from ..conf.remotes import is_secret
from ..operations.setup.kinds import KINDS, Question, StorageKind, kind_named
from ..operations.setup.proposal import (
    PASSWORD,
    SIGNING_KEY,
    VARIABLES,
    Answer,
    Proposal,
    from_file,
    from_variable,
    made,
    plain,
    typed,
)
from .base import EXIT_DECLINED, EXIT_USAGE, asked, asked_unseen

_BOOLEANS = {"true": True, "false": False}
_TRIES = 20
"""Of one question: whoever closes the terminal is not asked forever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was given by flags."""

    kind: str | None
    name: str
    place: str | None
    environment: str | None
    encrypt: bool | None
    answers: Mapping[str, Answer] = field(repr=False)
    """The options of the storage, ``PASSWORD`` and ``SIGNING_KEY``."""


def given_answers(
    options: Iterable[str], variables: Iterable[str], files: Iterable[str]
) -> dict[str, Answer]:
    """Return the answers in flags. Raises ``CommandError`` for a secret in an argument."""
    found: dict[str, Answer] = {}
    for text in options:
        name, value = _pair("--option", text)
        if is_secret(name) or name in VARIABLES:
            raise _usage(
                f"{name} is a secret, and every user of this machine can read arguments.",
                f"Name a variable with --from-env {name}=VARIABLE, or a file with "
                f"--from-file {name}=PATH.",
            )
        found[name] = plain(_BOOLEANS.get(value.lower(), value))
    for text in variables:
        name, variable = _pair("--from-env", text)
        found[name] = from_variable(variable)
    for text in files:
        name, path = _pair("--from-file", text)
        found[name] = from_file(path)
    return found


class Dialog:
    """Finds out what to propose."""

    def __init__(self, given: Given, write: Callable[[str], None], *, interactive: bool) -> None:
        """``write`` prints a line. Unless ``interactive`` nothing is asked."""
        self._given = given
        self._write = write
        self._interactive = interactive
        self._last: dict[str, str] = {}

    def proposal(self, present: Mapping[str, object]) -> Proposal:
        """Return the proposal to a site which has ``present`` in its settings.

        Asked again, it offers the answers of the last time. Raises ``CommandError`` for what is
        missing and cannot be asked for.
        """
        kind = self._kind()
        options = self._options(kind)
        place = self._given.place or self._text("place", kind.place, "--place")
        password = self._password()
        label = str(present.get("ENVIRONMENT") or "production")
        environment = self._given.environment
        if environment is None:
            environment = self._text("environment", "Name of this environment", "", label)
        key = None if present.get(SIGNING_KEY) else self._known(SIGNING_KEY)
        if not present.get(SIGNING_KEY) and key is None:
            key = made(VARIABLES[SIGNING_KEY])
        return Proposal(
            kind=kind,
            name=self._given.name,
            place=place,
            options=options,
            password=password,
            environment=environment,
            signing_key=key,
        )

    def again(self) -> bool:
        """Return whether to ask everything again after a failed trial."""
        return self._interactive and self._yes("Answer again? [Y/n] ")

    def _kind(self) -> StorageKind:
        if self._given.kind:
            return kind_named(self._given.kind)
        if not self._interactive:
            kinds = ", ".join(kind.name for kind in KINDS)
            raise _usage("The kind of storage is not given.", f"Add --kind, one of {kinds}.")
        self._write("Where should backups go?")
        for number, kind in enumerate(KINDS, start=1):
            self._write(f"  {number:2}  {kind.title}")
        names = {str(number): kind for number, kind in enumerate(KINDS, start=1)}
        names |= {kind.name: kind for kind in KINDS}
        return names[self._text("kind", "Number", "--kind", allowed=names)]

    def _options(self, kind: StorageKind) -> dict[str, Answer]:
        asked_for = {question.option for question in kind.questions}
        found = {
            name: answer
            for name, answer in self._given.answers.items()
            if name not in asked_for and name not in VARIABLES
        }
        for question in kind.questions:
            if question.needs and question.needs not in found:
                continue
            if question.instead_of and question.instead_of in found:
                continue
            if answer := self._answer(question):
                found[question.option] = answer
            else:
                found |= {name: plain(value) for name, value in question.without.items()}
        return found

    def _answer(self, question: Question) -> Answer | None:
        if known := self._known(question.option, question.variable):
            return known
        if question.secret:
            return self._secret(question.option, question.text, question.variable)
        text = self._text(
            question.option,
            question.text,
            f"--option {question.option}=" if not question.in_file else "--from-file",
            question.default,
            required=question.required,
        )
        if not text:
            return None
        if question.in_file:
            return from_file(text)
        if question.variable:
            return typed(text, question.variable)
        return plain(int(text) if question.whole and text.isdecimal() else text)

    def _known(self, option: str, variable: str = "") -> Answer | None:
        """Return what a flag or the environment says of an option."""
        variable = variable or VARIABLES.get(option, "")
        if option in self._given.answers:
            return self._given.answers[option]
        if variable and os.environ.get(variable):
            self._write(f"{option} is taken from the variable {variable}.")
            return from_variable(variable)
        return None

    def _password(self) -> Answer | None:
        encrypt = self._given.encrypt
        if encrypt is None:
            encrypt = not self._interactive or self._yes(
                "Encrypt everything before it leaves this machine? [Y/n] "
            )
        if not encrypt:
            return None
        if known := self._known(PASSWORD):
            return known
        if self._interactive:
            text = asked_unseen("Password for it (empty: a new one is made): ")
            if text:
                return typed(text, VARIABLES[PASSWORD])
        return made(VARIABLES[PASSWORD])

    def _secret(self, option: str, text: str, variable: str) -> Answer:
        if not self._interactive:
            raise _usage(
                f"{text} is missing.",
                f"Set the variable {variable}, or name another with --from-env {option}=VARIABLE, "
                f"or a file with --from-file {option}=PATH.",
            )
        for _ in range(_TRIES):
            if value := asked_unseen(f"{text} (not shown): "):
                return typed(value, variable)
        raise _nobody()

    def _text(
        self,
        name: str,
        text: str,
        flag: str,
        default: str = "",
        *,
        required: bool = True,
        allowed: Iterable[str] = (),
    ) -> str:
        if not self._interactive:
            if required and not default:
                raise _usage(f"{text}: missing.", f"Add {flag}.")
            return default
        default = self._last.get(name, default)
        shown = f" [{default}]" if default else ""
        for _ in range(_TRIES):
            value = asked(f"{text}{shown}: ") or default
            if (value or not required) and (not allowed or value in allowed):
                self._last[name] = value
                return value
        raise _nobody()

    def _yes(self, question: str) -> bool:
        return asked(question).lower() in ("", "y", "yes")


def _pair(flag: str, text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        # What it is may be a secret by mistake.
        raise _usage(f"{flag} takes NAME=VALUE.", "See --help.")
    return name, value


def _usage(problem: str, hint: str) -> CommandError:
    return CommandError(f"{problem}\nHint: {hint}", returncode=EXIT_USAGE)


def _nobody() -> CommandError:
    return CommandError("Nobody answers.", returncode=EXIT_DECLINED)
