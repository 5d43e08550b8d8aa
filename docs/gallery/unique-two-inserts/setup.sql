CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE credits (user_id bigint PRIMARY KEY REFERENCES users (id), amount numeric NOT NULL);
