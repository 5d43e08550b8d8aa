CREATE TABLE articles (id bigint PRIMARY KEY);
CREATE TABLE tags (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE article_tags (
    article_id bigint NOT NULL REFERENCES articles (id),
    tag_id bigint NOT NULL REFERENCES tags (id),
    PRIMARY KEY (article_id, tag_id)
);
