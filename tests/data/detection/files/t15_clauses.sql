-- truth-read: raw.orders, ref.rates
-- truth-written: mart.totals
INSERT INTO mart.totals {{ partition_clause }}
SELECT {{ columns }}, {{ "sum(x)" }} AS x, CAST({{ value }} AS {{ type }})
FROM raw.orders o
JOIN ref.rates r ON {{ on }}
WHERE {{ condition }} AND o.n > {{ n }} {{ and_more }}
GROUP BY {{ groups }}
{{ having }}
ORDER BY {{ order }} {{ direction }}
{{ limit }}
