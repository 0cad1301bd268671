"""The statements of a dump that create views, routines, triggers and events, as bytes.

They are in the character sets of their objects; what is recognized in them is ASCII.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ...exceptions import ClientError
from .connection import MysqlSession
from .definitions import EVENT_STATUS, requalified

_QUOTED = rb"""(?:`(?:[^`]|``)+`|"(?:[^"]|"")+")"""
_HEAD = re.compile(
    rb"(?P<create>CREATE (?:OR REPLACE )?(?:ALGORITHM=\w+ )?)"
    rb"(?:DEFINER=(?P<definer>CURRENT_USER|" + _QUOTED + rb"(?:@" + _QUOTED + rb")?) )?"
    rb"(?:SQL SECURITY \w+ )?(?:AGGREGATE )?"
    rb"(?P<kind>FUNCTION|PROCEDURE|PACKAGE BODY|PACKAGE|VIEW|TRIGGER|EVENT)\s+"
    rb"(?P<name>" + _QUOTED + rb"|[^\s(.]+)"
)
_ON_TABLE = re.compile(
    rb"CREATE.*?\bTRIGGER\b.*?\b(?:BEFORE|AFTER)\b.*?\bON\b\s*(?P<table>"
    + _QUOTED
    + rb"|[^\s(.]+)",
    re.IGNORECASE | re.DOTALL,
)
_CHARSET = re.compile(rb"character_set_client = '(\w+)'")
_STATUS = re.compile(EVENT_STATUS.encode(), re.DOTALL)
SCHEMA_COLLATION = b"ALTER DATABASE "
_SETTING = (b"SET SESSION ", SCHEMA_COLLATION)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a dump that makes an object or completes a table, with its settings."""

    settings: tuple[bytes, ...]
    text: bytes = field(repr=False)
    called: str = ""
    """What the operator knows it as, if not by its own name."""

    @property
    def kind(self) -> str:
        """What it makes, such as ``"VIEW"``; empty for a table that it completes."""
        match = _HEAD.match(self.text)
        return match["kind"].decode() if match else ""

    @property
    def title(self) -> str:
        """What it makes, for the operator's eyes."""
        if self.called:
            return self.called
        if not (match := _HEAD.match(self.text)):
            return self.text[:60].decode("utf-8", "replace")
        name = match["name"][1:-1] if match["name"][:1] in b'`"' else match["name"]
        return f"{match['kind'].decode().lower()} {name.decode('utf-8', 'replace')}"

    @property
    def definer(self) -> str:
        """The account that it names, empty if none."""
        match = _HEAD.match(self.text)
        return match["definer"].decode("utf-8", "replace") if match and match["definer"] else ""

    @property
    def status(self) -> str:
        """Whether the event that it makes is enabled."""
        match = _STATUS.search(self.text)
        return match["status"].decode() if match else ""

    def of_connecting_role(self) -> "Statement":
        """Return the same with the connecting role as the definer."""
        match = _HEAD.match(self.text)
        assert match is not None
        start, end = match.span("definer")
        text = self.text[:start] + b"CURRENT_USER" + self.text[end:]
        return replace(self, text=text)

    def named(self, name: bytes, *, table: bytes = b"") -> "Statement":
        """Return the same for an object of another name and, if it is a trigger, another table."""
        match = _HEAD.match(self.text)
        assert match is not None
        text = self.text
        if table and (on := _ON_TABLE.match(text)):
            start, end = on.span("table")
            text = text[:start] + table + text[end:]
        start, end = match.span("name")
        return replace(self, text=text[:start] + name + text[end:], called=self.title)

    def is_on(self, table: bytes, session: MysqlSession) -> bool:
        """Return whether this trigger is one of a table, given by its quoted name in UTF-8."""
        match = _ON_TABLE.match(self.text)
        charset = _CHARSET.search(self.settings[-1]) if self.settings else None
        if not match or not charset:
            return False
        name = match["table"]
        if name[:1] == b'"':
            name = b"`" + name[1:-1].replace(b'""', b'"').replace(b"`", b"``") + b"`"
        elif name[:1] != b"`":
            name = b"`" + name + b"`"
        if not name.isascii() and not charset[1].startswith(b"utf8"):
            query = f"SELECT CONVERT(CONVERT(CAST(%s AS BINARY) USING {charset[1].decode()}) USING utf8mb4)"
            name = str(session.value(query, [name])).encode()
        return name == table

    def moved(self, source: str, target: str) -> "Statement":
        """Return the same for a view that uses the tables of another schema."""
        # Any encoding that keeps ASCII will do.
        there, here = (name.encode().decode("latin-1") for name in (source, target))
        text = requalified(self.text.decode("latin-1"), there, here, None)
        return replace(self, text=text.encode("latin-1"))

    def disabled(self) -> "Statement":
        """Return the same for an event that does not run."""
        if not (match := _STATUS.search(self.text)):
            raise ClientError(f"The definition of {self.title} cannot be read.")
        start, end = match.span("status")
        return replace(self, text=self.text[:start] + b"DISABLE" + self.text[end:])


def statements_of(script: Iterable[bytes]) -> Iterator[Statement]:
    """Put the statements of a dump together with the settings before them."""
    settings: list[bytes] = []
    made = False
    for one in script:
        if one.startswith(_SETTING):
            # Each object has all of them, except for the schema's collation.
            settings = [s for s in settings if s.startswith(SCHEMA_COLLATION)] if made else settings
            made = False
            if one.startswith(SCHEMA_COLLATION):
                settings = [s for s in settings if not s.startswith(SCHEMA_COLLATION)]
            settings.append(one)
        else:
            made = True
            yield Statement(tuple(settings), one)
