CREATE TABLE documents (id bigint PRIMARY KEY, title text NOT NULL, version integer NOT NULL);
CREATE TABLE edits (id bigint PRIMARY KEY, document_id bigint NOT NULL REFERENCES documents (id), replaced_version integer NOT NULL);
INSERT INTO documents (id, title, version) VALUES (1, 'Draft', 1);
