"""Texts are rewritten where they name a schema or a definer, and nowhere else."""

import pytest

from django_rclone.clients.mysql.definitions import (
    Definition,
    _without_schema,
    in_order,
    requalified,
)
from django_rclone.clients.mysql.exclusions import used_tables
from django_rclone.clients.mysql.kinds import text_kinds
from django_rclone.clients.mysql.statements import Statement

KINDS = {kind.sql: kind for kind in text_kinds()}


def view(name: str, text: str) -> Definition:
    return Definition(
        kind=KINDS["VIEW"], name=name, definer="a@%", text=text, charset="utf8", collation="x"
    )


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("`shop`.`a` BEFORE INSERT ON `shop`.`t`", "`a` BEFORE INSERT ON `t`"),
        ("shop.a AFTER DELETE ON t", "a AFTER DELETE ON t"),
        ('"s.p"."a" BEFORE UPDATE ON"s"."t"', '"a" BEFORE UPDATE ON"t"'),
        ("`a.b` BEFORE INSERT ON `c.d`", "`a.b` BEFORE INSERT ON `c.d`"),
        (
            "IF NOT EXISTS x . a /* . */ before insert on x\n.\nt",
            "IF NOT EXISTS a /* . */ before insert on t",
        ),
        ("a BEFORE UPDATE OF `b`, on_c ON s.t", "a BEFORE UPDATE OF `b`, on_c ON t"),
        ("été BEFORE INSERT ON `é`.`ü`", "été BEFORE INSERT ON `ü`"),
    ],
)
def test_trigger_loses_the_schemas_in_its_head(head: str, expected: str) -> None:
    text = "CREATE DEFINER=`a`@`%` TRIGGER {} FOR EACH ROW SET @x = shop.f()"
    assert _without_schema(text.format(head)) == text.format(expected)


def test_names_of_a_schema_are_moved_to_another() -> None:
    text = "select `shop`.`t`.`id`,'`shop`.`t`',`x`.`shop`.`t`,`shop`.`c` from `shop`.`t` `shop`"
    moved = "select `o`.`t`.`id`,'`shop`.`t`',`x`.`shop`.`t`,`shop`.`c` from `o`.`t` `shop`"
    assert requalified(text, "shop", "o", {"t"}) == moved
    assert requalified(text, "shop", "", {"t"}) == moved.replace("`o`.", "")


def test_views_stand_after_those_they_use() -> None:
    views = [view("a", "from `b`"), view("b", "from `c`"), view("c", "'`a`'"), view("d", "`d`")]
    assert [one.name for one in in_order(views)] == ["c", "d", "b", "a"]
    circle = [view("a", "`b`"), view("b", "`a`")]
    assert len(in_order(circle)) == 2


def test_tables_of_a_view_are_told_from_columns_and_aliases() -> None:
    text = "select `a`.`log` AS `entry`,'from `x`' from ((`a` join `b` `log` on(`b`.`n` = 1)) left join `c`)"
    assert used_tables(text) == {"a", "b", "c"}


def test_statement_is_changed_in_its_head_alone() -> None:
    text = (
        b"CREATE DEFINER=`a`@`%` EVENT `e` ON SCHEDULE EVERY '1:1' HOUR_MINUTE STARTS '2030-01-01' "
        b"ON COMPLETION NOT PRESERVE ENABLE COMMENT 'ENABLE' DO SET @x = 'ENABLE \xe9'"
    )
    event = Statement((), text)
    assert event.kind == "EVENT"
    assert event.definer == "`a`@`%`"
    assert event.status == "ENABLE"
    changed = event.disabled().of_connecting_role().named(b"`new`")
    assert changed.text == text.replace(b" ENABLE ", b" DISABLE ", 1).replace(
        b"`a`@`%`", b"CURRENT_USER"
    ).replace(b"`e`", b"`new`")
