-- The counter of a post is the number of its comments.
SELECT p.id, p.comment_count, count(c.id) AS comments
FROM posts AS p
LEFT JOIN comments AS c ON c.post_id = p.id
GROUP BY p.id
HAVING p.comment_count <> count(c.id);
