CREATE TABLE fruits (name text PRIMARY KEY, quantity integer NOT NULL);
