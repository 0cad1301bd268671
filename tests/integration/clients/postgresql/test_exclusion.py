"""What the rest of a backup needs is not left out of it."""

import pytest
from django.core.management.base import CommandError

from tests.support.site import DjangoSite

SCHEMA = """
    CREATE TABLE parent (id serial PRIMARY KEY, name text);
    CREATE TABLE child (parent integer REFERENCES parent (id));
    CREATE TABLE lonely (id integer PRIMARY KEY, up integer REFERENCES lonely (id));
    CREATE TABLE log (at date) PARTITION BY RANGE (at);
    CREATE TABLE log_2024 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE VIEW seen AS SELECT * FROM parent;
    CREATE TABLE counter (n integer DEFAULT nextval('parent_id_seq'));
    CREATE FUNCTION first_log() RETURNS date LANGUAGE sql BEGIN ATOMIC SELECT min(at) FROM log; END;
    INSERT INTO parent VALUES (1, 'a');
    INSERT INTO child VALUES (1);
    INSERT INTO lonely VALUES (1, 1);
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"exclude_data": ["parent"]}, "child.*refers to public.parent.*child_parent_fkey"),
        ({"exclude_tables": ["parent"]}, "child_parent_fkey"),
        ({"exclude_tables": ["parent", "child"]}, "seen"),
        ({"exclude_tables": ["parent", "child", "seen"]}, "counter"),
        ({"exclude_tables": ["log"]}, "log_2024"),
        ({"exclude_tables": ["log", "log_2024"]}, "first_log"),
    ],
)
def test_leaving_out_what_something_needs_is_refused(
    site: DjangoSite, options: dict[str, list[str]], said: str
) -> None:
    site.database.run(SCHEMA)
    site.database.options.update(options)
    with pytest.raises(CommandError, match=said):
        site.back_up()
    assert site.stored() == []


@pytest.mark.parametrize(
    "options",
    [
        {"exclude_data": ["parent", "child"]},
        {"exclude_data": ["lonely"]},
        {"exclude_tables": ["lonely", "child"]},
        {"exclude_tables": ["log_2024"]},
    ],
)
def test_leaving_out_both_or_what_nothing_needs_is_restorable(
    site: DjangoSite, options: dict[str, list[str]]
) -> None:
    site.database.run(SCHEMA)
    site.database.options.update(options)
    site.back_up()
    site.database.run("CREATE TABLE later (n integer)")
    site.restore("--partial")
    assert site.database.rows("SELECT to_regclass('later')") == [(None,)]
