CREATE TABLE coupons (id bigint PRIMARY KEY, max_redemptions integer NOT NULL, last_user_id bigint);
CREATE TABLE redemptions (coupon_id bigint NOT NULL REFERENCES coupons (id), user_id bigint NOT NULL, PRIMARY KEY (coupon_id, user_id));
INSERT INTO coupons (id, max_redemptions) VALUES (1, 1);
