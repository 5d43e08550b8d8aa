-- Adds comment 2; a trigger keeps the number of comments.
BEGIN;
INSERT INTO comments (id, post_id) VALUES (2, 1);
COMMIT;
