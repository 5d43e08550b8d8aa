CREATE TABLE visits (id bigint PRIMARY KEY, page_id bigint NOT NULL);
CREATE TABLE page_counters (page_id bigint PRIMARY KEY, visits integer NOT NULL);
