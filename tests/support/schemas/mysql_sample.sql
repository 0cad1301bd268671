CREATE TABLE entry (id bigint PRIMARY KEY AUTO_INCREMENT, title varchar(200) NOT NULL);
INSERT INTO entry (title) SELECT concat('entry ', seq) FROM seq_1_to_500;
CREATE TABLE `Zoë's ``customer` (
        id int PRIMARY KEY AUTO_INCREMENT, `e mail` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
        raw longblob, bits bit(7), `select` int DEFAULT 4 CHECK (`select` > 0),
        doubled int GENERATED ALWAYS AS (`select` * 2) STORED, tripled int AS (`select` * 3) VIRTUAL,
        born date DEFAULT '0000-00-00', at datetime(6) DEFAULT '2024-01-02 03:04:05.678901',
        seen timestamp NULL, kind enum('a', 'ü;', 'it''s'), place point, document json,
        hidden int INVISIBLE DEFAULT 7, price decimal(20, 6), ratio double,
        KEY (`e mail`(10)), UNIQUE KEY (id, kind)
    ) AUTO_INCREMENT = 1000 COMMENT 'it''s; a \\! comment';
INSERT INTO `Zoë's ``customer` (`e mail`, raw, bits, kind, place, document, price, ratio, seen)
        SELECT concat('😀', seq, '@x.de', char(10), '\\', char(39)), unhex(concat('00FF0A0D5C271A22', sha1(seq))),
        b'1010101', 'ü;', point(seq, 1), '{"ü": [1, null]}', seq / 7, seq / 3, from_unixtime(seq * 1000000)
        FROM seq_1_to_300;
INSERT INTO `Zoë's ``customer` (raw) VALUES (NULL), ('');
CREATE TABLE orders (id int PRIMARY KEY, customer int,
        CONSTRAINT orders_customer_fk FOREIGN KEY (customer) REFERENCES `Zoë's ``customer` (id));
INSERT INTO orders SELECT seq, 1000 + seq FROM seq_1_to_100;
CREATE TABLE log (id int PRIMARY KEY AUTO_INCREMENT, said text);
CREATE SEQUENCE ticket START WITH 40 INCREMENT BY 5;
DO nextval(ticket);
CREATE TABLE parts (id int, y int) PARTITION BY RANGE (y)
        (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, 1), (2, 20);
CREATE TABLE versioned (id int PRIMARY KEY, n int) WITH SYSTEM VERSIONING;
INSERT INTO versioned VALUES (1, 1);
CREATE FUNCTION plus(a int) RETURNS int DETERMINISTIC RETURN a + 1;
CREATE PROCEDURE tidy() COMMENT 'it''s -- ;' BEGIN -- DELIMITER ;; and $$
        INSERT INTO log (said) VALUES ('tidied;;'); END;
CREATE TRIGGER first_one BEFORE INSERT ON orders FOR EACH ROW BEGIN
        INSERT INTO log (said) VALUES (concat('order ', NEW.id)); END;
CREATE TRIGGER second_one BEFORE INSERT ON orders FOR EACH ROW FOLLOWS first_one
        INSERT INTO log (said) VALUES ('second');
CREATE EVENT busy ON SCHEDULE EVERY 1 SECOND DISABLE DO BEGIN
        INSERT INTO log (said) VALUES ('an event ;;'); END;
CREATE EVENT once ON SCHEDULE AT '2037-01-01 00:00:00' DO DELETE FROM log;
CREATE VIEW zz AS SELECT id, plus(id) AS next FROM orders;
CREATE VIEW aa AS SELECT next FROM zz WHERE id < 9;
CREATE TABLE empty_one (id int);
