-- Writes article 2 with the tag sql, which is created first and found by the next statement.
BEGIN;
INSERT INTO articles (id) VALUES (2);
INSERT INTO tags (name) VALUES ('sql') ON CONFLICT (name) DO NOTHING;
INSERT INTO article_tags (article_id, tag_id) SELECT 2, id FROM tags WHERE name = 'sql';
COMMIT;
