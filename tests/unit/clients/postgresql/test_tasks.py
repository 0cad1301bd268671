"""Which statements of a dump several sessions may run at once."""

from unittest.mock import sentinel

import pytest

from django_rclone.clients.postgresql.entry import Entry
from django_rclone.clients.postgresql.execution import Execution
from django_rclone.clients.postgresql.script import Statement
from django_rclone.clients.postgresql.tasks import Board, Task, tables_of, task_of
from django_rclone.clients.session import ServerError

_IN: Execution = sentinel.execution


def nothing(execution: Execution) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("kind", "text", "tables"),
    [
        ("INDEX", "CREATE INDEX i ON public.t USING btree (a);", {"public.t"}),
        ("INDEX", 'CREATE UNIQUE INDEX "a ON b.c" ON ONLY s."t ""x""" USING gin (a);', {'s."t ""x"""'}),
        ("INDEX", "ALTER TABLE public.t CLUSTER ON i;", set()),
        ("CONSTRAINT", "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT c PRIMARY KEY (a);", {"s.t"}),
        ("CONSTRAINT", "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT c CHECK (a);", set()),
        (
            "FK CONSTRAINT",
            'ALTER TABLE ONLY s.t\n    ADD CONSTRAINT c FOREIGN KEY ("a) REFERENCES n.n(", b) REFERENCES x."Y"(a, b);',
            {"s.t", 'x."Y"'},
        ),
        (
            "FK CONSTRAINT",
            "ALTER TABLE s.t\n    ADD CONSTRAINT c FOREIGN KEY (a, PERIOD b) REFERENCES s.t(a, PERIOD b);",
            {"s.t"},
        ),
        ("TRIGGER", "CREATE INDEX i ON public.t USING btree (a);", set()),
        ("INDEX ATTACH", "ALTER INDEX public.i ATTACH PARTITION public.j;", set()),
    ],
)  # fmt: skip
def test_the_tables_are_read_where_pg_dump_writes_them(
    kind: str, text: str, tables: set[str]
) -> None:
    assert tables_of(Statement(text.encode(), Entry(type=kind))) == tables


def test_indexes_of_a_table_go_together_and_its_constraints_do_not() -> None:
    def task(kind: str, text: str) -> Task:
        return task_of(Statement(text.encode(), Entry(type=kind)), nothing)

    index = task("INDEX", "CREATE INDEX i ON s.t USING btree (a);")
    other = task("INDEX", "CREATE INDEX i ON s.other USING btree (a);")
    key = task("CONSTRAINT", "ALTER TABLE ONLY s.t ADD CONSTRAINT c PRIMARY KEY (a);")
    foreign = task(
        "FK CONSTRAINT", "ALTER TABLE s.z ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.t(a);"
    )
    assert index.goes_with(index)
    assert key.goes_with(other)
    assert not key.goes_with(index)
    assert not index.goes_with(key)
    assert not foreign.goes_with(key)
    assert not foreign.goes_with(foreign)


@pytest.mark.parametrize("code", ["40P01", "55P03"])
def test_what_waited_for_locks_in_vain_is_left_to_be_run_again(code: str) -> None:
    done: list[int] = []

    def lock(execution: Execution) -> None:
        raise ServerError("deadlock detected", code=code)

    board = Board(
        [
            Task(run=lambda _: done.append(1)),
            locked := Task(run=lock),
            Task(run=lambda _: done.append(2)),
        ]
    )
    board.work(_IN)
    assert done == [1, 2]
    assert board.again == [locked]
    assert board.failed is None


def test_the_task_that_failed_is_known_and_no_other_is_taken() -> None:
    def fail(execution: Execution) -> None:
        raise ServerError("no room", code="53100")

    board = Board([failing := Task(run=fail), Task(run=lambda _: pytest.fail("it was taken"))])
    with pytest.raises(ServerError):
        board.work(_IN)
    board.halt()
    board.work(_IN)
    assert board.failed is failing
