CREATE TABLE teams (id bigint PRIMARY KEY, max_members integer NOT NULL, member_count integer NOT NULL);
CREATE TABLE members (id bigint PRIMARY KEY, team_id bigint NOT NULL REFERENCES teams (id));
INSERT INTO teams (id, max_members, member_count) VALUES (1, 3, 2);
INSERT INTO members (id, team_id) VALUES (1, 1), (2, 1);
