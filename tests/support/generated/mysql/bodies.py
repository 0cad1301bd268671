"""Objects with a text of their own: routines, views, triggers and events."""

from ..base import Relation
from .builder import SCHEMA, MysqlBuilder


def add_routine(b: MysqlBuilder) -> None:
    name, table, definer, a = b.name(), b.table(), b.definer(), b.name()
    shape = b.pick(range(6))
    b.stored(
        lambda text: (
            (
                f"CREATE {definer}PROCEDURE {name}(INOUT {a} varchar(9) CHARACTER SET latin1, OUT z int) "
                f"MODIFIES SQL DATA COMMENT {text} BEGIN DELETE FROM {table.name}; SET {a} = {text}; END"
            ),
            f"CREATE {definer}PROCEDURE {name}() SELECT {text}, * FROM {table.name}",
            (
                f"CREATE {definer}FUNCTION {name}({a} text CHARSET utf8mb4) RETURNS varchar(99) "
                f"CHARSET sjis NO SQL RETURN concat({a}, {text})"
            ),
            (
                f"CREATE {definer}AGGREGATE FUNCTION {name}({a} int) RETURNS int BEGIN DECLARE s int "
                f"DEFAULT 0; DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN s; LOOP FETCH GROUP NEXT ROW; "
                f"SET s = s + {a}; END LOOP; END"
            ),
            (
                f"CREATE {definer}PROCEDURE {name}() BEGIN DECLARE c CURSOR FOR SELECT id FROM {table.name};"
                f" l: LOOP LEAVE l; END LOOP; SELECT {text}; -- {SCHEMA}\n END"
            ),
            f"CREATE {definer}PROCEDURE {SCHEMA}.{name}() SELECT * FROM {SCHEMA}.{table.name}",
        )[shape]
    )


def add_oracle(b: MysqlBuilder) -> None:
    """Objects in the language of Oracle."""
    name, table, a = b.name(), b.table(), b.name()
    text = b.text()
    b.add("SET SESSION sql_mode = 'ORACLE'")
    b.add(
        b.pick(
            (
                f"CREATE FUNCTION {name}({a} INT) RETURN INT AS x INT := 1; BEGIN RETURN {a} + x; END",
                f"CREATE PROCEDURE {name}({a} IN VARCHAR2) AS BEGIN DELETE FROM {table.name} WHERE id = {a}; END",
                f"CREATE TRIGGER {name} BEFORE DELETE ON {table.name} FOR EACH ROW BEGIN IF :OLD.id > 9 THEN NULL; END IF; END",
                f"CREATE VIEW {name} AS SELECT id, {text} || id AS t FROM {table.name}",
            )
        )
    )
    b.add("SET SESSION sql_mode = ''")


def add_view(b: MysqlBuilder) -> None:
    name, source, definer, alias = b.name(), b.relation(), b.definer(), b.name()
    column = b.pick(source.columns)[0]
    f = b.function()
    shape = b.pick(range(9))
    options = b.pick(("", "ALGORITHM=TEMPTABLE ", "ALGORITHM=MERGE "))
    security, end = (
        b.pick(("", "SQL SECURITY INVOKER ")),
        b.pick(("", "", " WITH LOCAL CHECK OPTION")),
    )
    b.stored(
        lambda text: (
            f"CREATE {options}{definer}{security}VIEW {name} AS "
            + (
                f"SELECT id, {column} AS {alias} FROM {source.name}",
                f"SELECT id, {f}(id) AS {alias} FROM {source.name} WHERE {f}(id) > 0",
                f"SELECT id, {text} AS {alias} FROM {source.name}",
                f"SELECT * FROM {source.name} WHERE {column} <> {text}",
                f"SELECT a.id, count(*) AS {alias} FROM {source.name} a JOIN {source.name} b USING (id) GROUP BY a.id",
                "WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id FROM r",
                f"SELECT id, row_number() OVER (ORDER BY id) AS {alias} FROM {SCHEMA}.{source.name}",
                f"SELECT length(table_name) AS id, {text} COLLATE utf8mb4_bin AS {alias} FROM information_schema.tables",
                f"SELECT id, json_value('{{}}', '$.x') AS {alias}, now() AS n, current_user() AS u FROM {source.name} UNION SELECT 1, {text}, 3, 4",
            )[shape]
            + end
        )
    )
    b.views.append(Relation(name, [("id", "int")]))


def add_triggers(b: MysqlBuilder) -> None:
    table, f, log = b.table(), b.function(), b.table()
    time, action = b.pick(("BEFORE", "AFTER")), b.pick(("INSERT", "UPDATE", "DELETE"))
    event = f"{time} {action}"
    row = "OLD" if action == "DELETE" else "NEW"
    for _ in range(b.number(1, 3)):
        name, definer = b.name(), b.definer()
        before = b.triggers.setdefault(f"{table.name} {event}", [])
        order = (
            f"{b.pick(('FOLLOWS', 'PRECEDES'))} {b.pick(before)} " if before and b.chance() else ""
        )
        where = b.pick((name, f"{SCHEMA}.{name}"))
        on = b.pick((table.name, f"{SCHEMA}.{table.name}"))
        shape = b.pick(range(4))
        b.stored(
            lambda text, where=where, on=on, order=order, shape=shape, definer=definer: (  # type: ignore[misc]
                f"CREATE {definer}TRIGGER {where} {event} ON {on} FOR EACH ROW {order}"
                + (
                    f"SET @x = concat({text}, {row}.id)",
                    f"BEGIN IF {f}({row}.id) > 9999 THEN DELETE FROM {log.name} WHERE id = 77; END IF; END",
                    f"BEGIN -- {text} ;\n SET @y = {row}.id; /* ` */ END",
                    f"INSERT INTO {log.name} () SELECT * FROM {log.name} WHERE {text} = {text} AND id < 0",
                )[shape]
            )
        )
        before.append(name)


def add_event(b: MysqlBuilder) -> None:
    name, table, definer, about = b.name(), b.table(), b.definer(), b.comment()
    schedule = b.pick(
        (
            "EVERY 1 SECOND STARTS '2037-01-01 00:00:00' ENDS '2037-06-01 00:00:00'",
            *("AT '2037-02-03 04:05:06'", "EVERY '1:30' HOUR_MINUTE STARTS '2037-03-28 02:30:00'"),
        )
    )
    state = b.pick(("", "ENABLE", "DISABLE", "DISABLE ON SLAVE"))
    keep = b.pick(("", "ON COMPLETION PRESERVE "))
    body = b.pick(
        ("DELETE FROM {t} WHERE id = 7 AND {text} = 1", "BEGIN SELECT {text}; -- x ;\n END")
    )
    b.stored(
        lambda text: (
            f"CREATE {definer}EVENT {name} ON SCHEDULE {schedule} {keep}{state}{about} DO "
            + body.format(t=table.name, text=text)
        )
    )
