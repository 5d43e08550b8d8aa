-- Content of each large object: its oid, its size in bytes, the sum of the hashes of its pages, its owner.
-- A page is hashed without the zeros at its end, and one of zeros only not at all: a hole reads as zeros, and a restore
-- writes them out. PostgreSQL 14 to 18. Cost: reads pg_largeobject once; superusers and pg_read_all_data may.
SELECT m.oid,
       coalesce(max(l.pageno * current_setting('block_size')::bigint / 4 + length(l.data)), 0) AS bytes,
       coalesce(sum(hashtextextended(l.pageno || ' ' || encode(rtrim(l.data, '\x00'), 'hex') COLLATE "C", 0))
                    FILTER (WHERE length(rtrim(l.data, '\x00')) > 0), 0) AS sum,
       m.lomowner::regrole AS owner
  FROM pg_largeobject_metadata m
  LEFT JOIN pg_largeobject l ON l.loid = m.oid
 GROUP BY m.oid, m.lomowner;
