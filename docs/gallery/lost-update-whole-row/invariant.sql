-- A change that was recorded is in the product.
SELECT c.id, c.new_price, p.price, c.new_weight, p.weight
FROM changes AS c
JOIN products AS p ON p.id = 1
WHERE c.new_price <> p.price OR c.new_weight <> p.weight;
