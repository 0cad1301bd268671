"""What the generators of all vendors share: names, texts, and a builder of statements."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

NAMES = (
    *("plain", "select", "Select", "table", "user", "order", "NULL", "default", "1", "1st"),
    *('quo"te', "apo'strophe", "back`tick", "new\nline", "tab\ttab", "back\\slash", "end\\"),
    *("per%cent %s", "under_score", "dot.ted.name", " leading", "two  spaces", "a;b", "--", "/* c"),
    *("*/", "$$", "$body$", "\\.", "\\! touch x", ":colon", "?", "{0}", "@at", "#hash", "x\r\ny"),
    *("Zoë", "Zoe\u0308", "日本語", "ß", "İstanbul", "\u202eright", "zero\u200bwidth", "café"),
)
"""Names of objects and columns. Those that only some vendors take are added by their modules."""

TEXTS = (
    *("", " ", "plain", "it's", '"quoted"', "back\\slash", "\\", "\\.", "\\N", "\\\\.", "NULL"),
    *(
        "tab\tnew\nline\r\n",
        "\n\\.\n",
        "; DROP TABLE x; --",
        "/* not a comment",
        "*/",
        "$$",
        "%s %",
    ),
    *(
        "ünïcödé",
        "日本語",
        "😀👩‍👩‍👧",
        "\u0301combining",
        "\ufeffbom",
        "trailing   ",
        "\x01\x1f\x7f",
    ),
    *("café", "CAFÉ", "\u017f", "a" * 300, "{a,b}", "<a>&amp;</a>", "-- x", "DELIMITER ;;", ";;"),
)
"""Texts of values, comments and labels."""


@dataclass(frozen=True)
class Statement:
    """A statement as it is sent. ``charset`` is the one that the client speaks."""

    text: str
    charset: str = "utf8"


@dataclass(frozen=True)
class Relation:
    """A table or a view that later objects may refer to."""

    name: str
    """As it stands in a statement."""
    columns: Sequence[tuple[str, str]]
    """Name, as it stands in a statement, and type of each column. The first is an integer."""


@dataclass
class Example:
    """How a database is made, and how it changes after its backup."""

    made: list[Statement] = field(default_factory=list)
    changed: list[Statement] = field(default_factory=list)
    traits: dict[str, Any] = field(default_factory=dict)
    """What is chosen once for the whole database: its charset, the rights of its role."""

    def __repr__(self) -> str:
        made = "\n".join(one.text + ";" for one in self.made)
        changed = "\n".join(one.text + ";" for one in self.changed)
        return f"\n-- {self.traits}\n{made}\n-- changed:\n{changed}\n"


class Builder(ABC):
    """Makes one example. ``draw`` is that of hypothesis."""

    def __init__(
        self,
        draw: Callable[[st.SearchStrategy[Any]], Any],
        *,
        quote: Callable[[str], str],
        names: Iterable[str],
        length: Callable[[str], int],
        longest: int,
    ) -> None:
        self._draw = draw
        self.names = tuple(names)
        self._length, self._longest = length, longest
        self._taken: set[str] = set()
        self.quote = quote
        self.example = Example()
        self.statements = self.example.made
        self.tables: list[Relation] = []
        self.views: list[Relation] = []
        self.functions: list[str] = []

    def pick(self, choices: Sequence[T]) -> T:
        """Choose one."""
        return self._draw(st.sampled_from(choices))

    def picks(self, choices: Sequence[T], most: int) -> list[T]:
        """Choose up to ``most`` different ones."""
        chosen = st.lists(
            st.sampled_from(range(len(choices))), max_size=min(most, len(choices)), unique=True
        )
        return [choices[n] for n in self._draw(chosen)]

    def chance(self, one_in: int = 2) -> bool:
        """Say yes once in so many times."""
        return self._draw(st.integers(0, one_in - 1)) == one_in - 1

    def number(self, least: int, most: int) -> int:
        """Choose a number."""
        return self._draw(st.integers(least, most))

    def fresh(self) -> str:
        """Return a name, not quoted, that no other object of the database has."""
        name = self.pick(self.names)
        number = 1
        # Compared as the vendors do: without case, accents and spaces at the end.
        while (key := name.casefold().strip()) in self._taken:
            number += 1
            ending = f" {number}"
            name = name.removesuffix(f" {number - 1}")
            while self._length(name + ending) > self._longest:
                name = name[:-1]
            name += ending
        self._taken.add(key)
        return name

    def name(self) -> str:
        """Return such a name as it stands in a statement."""
        return self.quote(self.fresh())

    def table(self) -> Relation:
        """Return a table with rows, perhaps a new one."""
        if not self.tables or self.chance(4):
            self.add_table()
        return self.pick(self.tables)

    def relation(self) -> Relation:
        """Return a table or a view."""
        self.table()
        return self.pick([*self.tables, *self.views])

    def function(self) -> str:
        """Return a function from integer to integer, without side effects; perhaps a new one."""
        if not self.functions or self.chance(4):
            self.add_function()
        return self.pick(self.functions)

    @abstractmethod
    def add_table(self) -> None:
        """Make a table with rows."""

    @abstractmethod
    def add_function(self) -> None:
        """Make a function from integer to integer."""

    def add(self, *texts: str, charset: str = "utf8") -> None:
        """Add statements."""
        self.statements += [Statement(text, charset) for text in texts]

    def change_from_now(self) -> None:
        """Let later statements be those that run after the backup."""
        self.statements = self.example.changed

    def made_of(
        self,
        kinds: Sequence[Callable[[Any], object]],
        change: Callable[[Any], object],
        *,
        later: Sequence[Callable[[Any], object]],
    ) -> Example:
        """Make objects of some kinds, in some order; then change some, and make some ``later``."""
        self._make(kinds, least=12, most=30)
        self.change_from_now()
        for _ in range(self.number(1, 4)):
            change(self)
        self._make(later, least=1, most=5)
        return self.example

    def _make(self, kinds: Sequence[Callable[[Any], object]], *, least: int, most: int) -> None:
        numbers = st.lists(st.integers(0, len(kinds) - 1), min_size=least, max_size=most)
        for number in self._draw(numbers):
            kinds[number](self)
