CREATE TABLE jobs (id bigint PRIMARY KEY, state text NOT NULL);
CREATE TABLE runs (worker_id bigint PRIMARY KEY, job_id bigint NOT NULL REFERENCES jobs (id));
INSERT INTO jobs (id, state) VALUES (1, 'ready'), (2, 'ready');
