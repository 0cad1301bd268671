CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL CHECK (title <> ''),
    doubled INTEGER GENERATED ALWAYS AS (id * 2) STORED, raw BLOB, ratio REAL, loose ANY);
CREATE TABLE "quoted ""name" (id INTEGER PRIMARY KEY, entry_id INTEGER REFERENCES entry (id));
CREATE TABLE plain_key (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE UNIQUE INDEX entry_title ON entry (title) WHERE id > 10;
CREATE VIEW first_ones AS SELECT * FROM entry WHERE id < 9;
CREATE TRIGGER kept AFTER INSERT ON entry WHEN NEW.title = 'x'
    BEGIN INSERT INTO plain_key VALUES ('x; \! y'); END;
CREATE VIRTUAL TABLE found USING fts5 (words);
INSERT INTO found VALUES ('some words'), ('other words');
INSERT INTO plain_key VALUES ('ü'), ('😀'), ('it''s');
PRAGMA user_version = 42;
INSERT INTO entry (title, raw)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    SELECT 'entry ' || i, randomblob(50) FROM n;
