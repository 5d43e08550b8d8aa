-- Every article has a tag.
SELECT a.id FROM articles AS a
WHERE NOT EXISTS (SELECT FROM article_tags AS t WHERE t.article_id = a.id);
