CREATE TABLE wards (id bigint PRIMARY KEY, revision integer NOT NULL);
CREATE TABLE doctors (id bigint PRIMARY KEY, ward_id bigint NOT NULL REFERENCES wards (id), is_on_call boolean NOT NULL);
INSERT INTO wards (id, revision) VALUES (1, 1);
INSERT INTO doctors (id, ward_id, is_on_call) VALUES (1, 1, true), (2, 1, true);
