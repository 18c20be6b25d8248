SELECT c.country,
       count(DISTINCT o.id)                                   AS orders,
       sum(l.quantity * l.unit_price * (1 - l.discount))::numeric(14,2) AS revenue,
       round(avg(r.rating), 2)                                AS rating
FROM shop.customers c
JOIN shop.orders o      ON o.customer_id = c.id
JOIN shop.order_lines l ON l.order_id = o.id
LEFT JOIN (SELECT customer_id, avg(rating) AS rating FROM shop.reviews GROUP BY 1) r
       ON r.customer_id = c.id
GROUP BY c.country
ORDER BY revenue DESC
