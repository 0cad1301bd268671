"""The texts that make views, routines, triggers and events, each with the settings it needs.

A text is read and made under its own ``sql_mode``, character set, collations and time zone.
It names no schema of its own, so it makes the object in the schema that is current.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from ...exceptions import ClientError
from .connection import MysqlSession, quote_name, quote_string
from .kinds import TextKind
from .session_settings import OWN_SETTINGS

_UNICODE = ("utf8", "binary")  # what needs no conversion
_BEYOND_ASCII = re.compile(r"(?P<part>[^\x00-\x7f]+)(?P<next>.?)", re.DOTALL)
_BY_ASCII = re.compile(r"([\x00-\x7f]+)")

_QUOTED = r"""(?:`(?:[^`]|``)+`|"(?:[^"]|"")+")"""
_NAME = rf"""(?:{_QUOTED}|[^\s`"'.,()@;=/*#+<>-]+)"""
_GAP = r"(?:\s|/\*.*?\*/|--\s[^\n]*\n|\#[^\n]*\n)*"
_DEFINER = re.compile(
    rf"(CREATE (?:OR REPLACE )?(?:ALGORITHM=\w+ )?)DEFINER={_QUOTED}(?:@{_QUOTED})?"
)
_TRIGGER = re.compile(
    rf"CREATE\b(?:\s+OR\s+REPLACE\b)?(?:\s+DEFINER={_QUOTED}(?:@{_QUOTED})?)?\s+TRIGGER\b{_GAP}"
    rf"(?:IF{_GAP}NOT{_GAP}EXISTS\b{_GAP})?(?P<schema>{_NAME}{_GAP}\.{_GAP})?{_NAME}{_GAP}"
    rf"(?:BEFORE|AFTER)\b.*?\bON\b{_GAP}(?P<table_schema>{_NAME}{_GAP}\.{_GAP})?{_NAME}",
    re.IGNORECASE | re.DOTALL,
)
EVENT_STATUS = (
    r" ON SCHEDULE (?:EVERY|AT) .*? ON COMPLETION (?:NOT )?PRESERVE "
    r"(?P<status>ENABLE|DISABLE ON SLAVE|DISABLE ON REPLICA|REPLICA SIDE|DISABLE)\b"
)
_STATUS = re.compile(EVENT_STATUS, re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """An object of a schema, and what makes it."""

    kind: TextKind
    name: str
    definer: str
    table: str = ""
    """That of a trigger."""
    text: str = field(repr=False)
    charset: str
    collation: str
    sql_mode: str = ""
    schema_collation: str = ""
    time_zone: str = ""

    @property
    def title(self) -> str:
        """What the operator calls it."""
        return f"{self.kind.name} {self.name}"

    @property
    def settings(self) -> str:
        """The statement that sets what the text was written under."""
        settings = {
            "sql_mode": self.sql_mode,
            "character_set_client": self.charset,
            "collation_connection": self.collation,
        }
        if self.time_zone:
            # MariaDB writes local times of that zone into the statement.
            settings["time_zone"] = self.time_zone
        assigned = ", ".join(f"{key} = {quote_string(value)}" for key, value in settings.items())
        return f"SET SESSION {assigned}"

    @property
    def dropping(self) -> tuple[str, ...]:
        """The statements that drop it."""
        drop = f"DROP {self.kind.sql} IF EXISTS {quote_name(self.name)}"
        if "PACKAGE" not in self.kind.sql:
            return (drop,)
        # In other modes the server does not know the word.
        return ("SET SESSION sql_mode = 'ORACLE'", drop, OWN_SETTINGS)

    def of_connecting_role(self) -> "Definition":
        """Return the same object with the connecting role as its definer."""
        return replace(self, text=_DEFINER.sub(r"\1DEFINER=CURRENT_USER", self.text, count=1))

    def moved(self, source: str, target: str, names: Collection[str]) -> "Definition":
        """Return the same object, using ``names`` in another schema, or in the current one."""
        return replace(self, text=requalified(self.text, source, target, names))

    def with_status(self, status: str) -> "Definition":
        """Return the same event, enabled or disabled."""
        if not (match := _STATUS.search(self.text)):
            raise ClientError(f"The definition of {self.title} cannot be read.")
        start, end = match.span("status")
        return replace(self, text=self.text[:start] + status + self.text[end:])


def read_definitions(session: MysqlSession, schema: str, kind: TextKind) -> list[Definition]:
    """Read the objects of a kind in ``schema``, which is the current one.

    Raises ``ClientError`` for one that could not be made again.
    """
    return [_read(session, kind, row) for row in session.rows(kind.names, [schema])]


def _read(session: MysqlSession, kind: TextKind, row: Sequence[str]) -> Definition:
    name, definer, table, *raw = row
    shown = session.rows(f"SHOW CREATE {kind.sql} {quote_name(name)}")[0]
    text, charset = shown[kind.text], str(shown[kind.charset])
    if text is None:
        raise ClientError(
            f"The role may not read the definition of {kind.name} {name}, so it could not be "
            "restored.",
            hint="Connect as its definer, or as a role that may read mysql.proc.",
        )
    text = _repaired(session, str(text), charset, raw)
    if kind.comment is not None and "NO_BACKSLASH_ESCAPES" in str(shown[1]):
        text = _with_comment(text, str(row[kind.comment]))
    definition = Definition(
        kind=kind,
        name=name,
        definer=definer,
        table=table,
        text=_without_schema(text) if kind.sql == "TRIGGER" else text,
        charset=charset,
        collation=str(shown[kind.collation]),
        sql_mode="" if kind.sql_mode is None else str(shown[kind.sql_mode]),
        schema_collation="" if kind.schema_collation is None else str(shown[kind.schema_collation]),
        time_zone="" if kind.time_zone is None else str(shown[kind.time_zone]),
    )
    encoded(session, definition)
    return definition


def encoded(session: MysqlSession, definition: Definition) -> bytes:
    """Return the text in its character set. Raises ``ClientError`` if that cannot express it."""
    text, charset = definition.text, definition.charset
    if text.isascii() or charset.startswith(_UNICODE):
        return text.encode("utf-8", "surrogateescape")
    there = f"CONVERT(%s USING {charset})"
    if session.value(f"SELECT CONVERT({there} USING utf8mb4)", [text]) != text:
        raise ClientError(
            f"{definition.title} has characters that its character set, {charset}, does not have, "
            "so it could not be restored.",
            hint="Create it again from a session that uses utf8mb4.",
        )
    # What is ASCII stays as it is: the server makes other backslashes of those in sjis.
    return b"".join(
        part.encode()
        if part.isascii()
        else session.raw_value(f"SELECT CAST({there} AS BINARY)", [part])
        for part in _BY_ASCII.split(text)
    )


def _repaired(session: MysqlSession, text: str, charset: str, raw: Iterable[str]) -> str:
    """Return the text as it was written.

    The server puts ``raw`` into it in UTF-8, then takes all of it for text in ``charset``;
    some of it comes like that already.
    """
    if charset.startswith(_UNICODE):
        return text
    garbled = f"CONVERT(CONVERT(CAST(%s AS BINARY) USING {charset}) USING utf8mb4)"
    repaired = f"CONVERT(CAST(CONVERT(%s USING {charset}) AS BINARY) USING utf8mb4)"
    for run in (run for whole in raw for run in _BEYOND_ASCII.finditer(whole)):
        part = run["part"]
        # Its last byte may have swallowed what follows: at the end, the quote of a name or comment.
        for whole in [part + tail for tail in (run["next"] or "`'")] + [part]:
            shown = session.value(f"SELECT {garbled}", [whole])
            if shown is not None and shown in text:
                text = text.replace(shown, whole, 1)
                break
        else:
            meant = session.value(f"SELECT {repaired}", [part])
            if meant is not None and "?" not in meant:
                text = text.replace(part, meant, 1)
    return text


def _with_comment(text: str, comment: str) -> str:
    """Return the text of a mode without escapes with the comment that the object has.

    The server shows comments as in other modes: that of the shown text is another one.
    """
    quoted = comment.replace("'", "''")
    escaped = quoted
    for character, escape in (("\\", "\\\\"), ("\0", "\\0"), ("\n", "\\n"), ("\r", "\\r")):
        escaped = escaped.replace(character, escape)
    shown = rf" COMMENT '(?:{re.escape(escaped)}|{re.escape(quoted)})'"
    return re.sub(shown, lambda _: f" COMMENT '{quoted}'", text, count=1)


def _without_schema(text: str) -> str:
    """Return the text of a trigger without the names of schemas in its head."""
    if match := _TRIGGER.match(text):
        for group in ("table_schema", "schema"):
            start, end = match.span(group)
            if start >= 0:
                text = text[:start] + text[end:]
    return text


def requalified(text: str, source: str, target: str, names: Collection[str] | None) -> str:
    """Return a text of the server's with ``names`` of schema ``source`` in ``target``, or in none.

    Without ``names``, all of them.
    """
    prefix = f"{quote_name(target)}." if target else ""
    pattern = re.compile(
        r"'(?:[^'\\]|\\.|'')*'"
        rf"|(?<![`.]){re.escape(quote_name(source))}\.(?P<name>`(?:[^`]|``)+`)"
        r"|`(?:[^`]|``)*`",
        re.DOTALL,
    )

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        if name and (names is None or name[1:-1].replace("``", "`") in names):
            return prefix + str(name)
        return match[0]

    return pattern.sub(replaced, text)


def references(text: str) -> set[str]:
    """Return every quoted name in a text of the server's: more than the tables it uses."""
    found = re.findall(r"'(?:[^'\\]|\\.|'')*'|(`(?:[^`]|``)+`)", text, re.DOTALL)
    return {name[1:-1].replace("``", "`") for name in found if name}


def in_order(views: Iterable[Definition]) -> list[Definition]:
    """Return views so that each stands after those it uses."""
    waiting = {view.name: view for view in views}
    uses = {name: references(view.text) & waiting.keys() - {name} for name, view in waiting.items()}
    ordered: list[Definition] = []
    while waiting:
        ready = [name for name in waiting if not uses[name] & waiting.keys()]
        # Names of columns may look like a circle of views.
        for name in ready or [next(iter(waiting))]:
            ordered.append(waiting.pop(name))
    return ordered
