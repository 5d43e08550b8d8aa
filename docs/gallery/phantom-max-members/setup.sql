CREATE TABLE teams (id bigint PRIMARY KEY, max_members integer NOT NULL);
CREATE TABLE members (id bigint PRIMARY KEY, team_id bigint NOT NULL REFERENCES teams (id));
INSERT INTO teams (id, max_members) VALUES (1, 3);
INSERT INTO members (id, team_id) VALUES (1, 1), (2, 1);
