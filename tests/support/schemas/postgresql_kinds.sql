-- What only a superuser can make: one of each kind that is not in the sample.
CREATE CAST (text AS integer) WITH INOUT AS ASSIGNMENT;
CREATE TYPE whole;
CREATE FUNCTION whole_in(cstring) RETURNS whole LANGUAGE internal STRICT IMMUTABLE AS 'int4in';
CREATE FUNCTION whole_out(whole) RETURNS cstring LANGUAGE internal STRICT IMMUTABLE AS 'int4out';
CREATE TYPE whole (internallength = 4, input = whole_in, output = whole_out, alignment = int4, passedbyvalue);
CREATE FUNCTION whole_less(whole, whole) RETURNS boolean LANGUAGE internal STRICT IMMUTABLE LEAKPROOF AS 'int4lt';
CREATE OPERATOR <<< (leftarg = whole, rightarg = whole, function = whole_less);
CREATE OPERATOR FAMILY wholes USING btree;
CREATE OPERATOR CLASS whole_ops FOR TYPE integer USING btree FAMILY wholes AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
CREATE TRANSFORM FOR integer LANGUAGE sql (
    FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal)
);
CREATE FUNCTION spoken() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE LANGUAGE spoken HANDLER spoken;
CREATE LANGUAGE "on language 3" HANDLER spoken;
CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler;
CREATE FOREIGN DATA WRAPPER paper OPTIONS (colour 'white');
GRANT USAGE ON FOREIGN DATA WRAPPER paper TO pg_monitor;
CREATE SERVER cabinet FOREIGN DATA WRAPPER paper OPTIONS (drawer 'it''s 3');
CREATE USER MAPPING FOR PUBLIC SERVER cabinet OPTIONS (name 'guest');
CREATE SERVER "the ""old"" on server 3" FOREIGN DATA WRAPPER paper;
CREATE USER MAPPING FOR PUBLIC SERVER "the ""old"" on server 3" OPTIONS (name 'guest');
CREATE FOREIGN TABLE sheet (id integer, body text) SERVER cabinet;
CREATE TEXT SEARCH PARSER plain (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE simplest (init = dsimple_init, lexize = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY simpler (template = simplest, stopwords = 'english');
CREATE DEFAULT CONVERSION accented FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE STATISTICS spread (ndistinct, mcv) ON id, title FROM entry;
CREATE SCHEMA shown;
CREATE TABLE shown.one (id integer PRIMARY KEY) USING pile;
CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert');
CREATE PUBLICATION partly FOR TABLES IN SCHEMA shown, TABLE entry;
CREATE TABLE ddl_log (command text);
CREATE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.ddl_log VALUES (tg_tag); END $$;
CREATE EVENT TRIGGER logged ON ddl_command_end EXECUTE FUNCTION log_ddl();
ALTER EVENT TRIGGER logged ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER logged IS 'for the auditors';
COMMENT ON CAST (text AS integer) IS 'old habits';
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO pg_monitor;
REVOKE EXECUTE ON FUNCTION pg_size_pretty(bigint) FROM PUBLIC;
GRANT SELECT (rolname) ON pg_authid TO pg_monitor;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
COMMENT ON SCHEMA public IS 'ours';
GRANT CREATE ON SCHEMA public TO pg_monitor;
