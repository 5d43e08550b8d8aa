-- Adds an event in a statement of its own.
INSERT INTO events (topic) VALUES ('shipped');
