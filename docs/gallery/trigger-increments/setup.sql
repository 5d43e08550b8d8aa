CREATE TABLE posts (id bigint PRIMARY KEY, comment_count bigint NOT NULL);
CREATE TABLE comments (id bigint PRIMARY KEY, post_id bigint NOT NULL REFERENCES posts (id));
CREATE FUNCTION count_comment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE posts SET comment_count = comment_count + 1
    WHERE id = NEW.post_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER comment_counted AFTER INSERT ON comments FOR EACH ROW EXECUTE FUNCTION count_comment();
INSERT INTO posts (id, comment_count) VALUES (1, 0);
