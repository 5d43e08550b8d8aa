-- Every report has the total that was there all the time.
SELECT id, total FROM reports WHERE total <> 200;
