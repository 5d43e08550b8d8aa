-- Every unit received or sold by a transaction that committed is counted.
SELECT p.id, p.received, p.sold
FROM products AS p
WHERE p.sold <> (SELECT count(*) FROM observed AS o
                 WHERE o.tx = 't' || p.id AND o.var = 'status' AND o.val = 'committed')
   OR p.received <> 5 + (SELECT count(*) FROM observed AS o
                         WHERE o.tx = 't3' AND o.var = 'status' AND o.val = 'committed');
