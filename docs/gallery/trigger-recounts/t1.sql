-- Adds comment 1; a trigger keeps the number of comments.
BEGIN;
INSERT INTO comments (id, post_id) VALUES (1, 1);
COMMIT;
