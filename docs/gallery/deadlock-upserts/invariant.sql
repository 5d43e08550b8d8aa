-- Every import brings as many apples as pears.
SELECT sum(quantity) FILTER (WHERE name = 'apple') AS apples, sum(quantity) FILTER (WHERE name = 'pear') AS pears
FROM fruits
HAVING sum(quantity) FILTER (WHERE name = 'apple') IS DISTINCT FROM sum(quantity) FILTER (WHERE name = 'pear');
