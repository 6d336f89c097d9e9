-- The shop's tables, with a few orders to lose if a backup were not one. May be run again.
CREATE TABLE IF NOT EXISTS orders (
  id integer PRIMARY KEY,
  article text NOT NULL,
  cents integer NOT NULL CHECK (cents > 0),
  ordered_at timestamptz NOT NULL
);

INSERT INTO orders (id, article, cents, ordered_at)
SELECT n, (ARRAY['apple', 'bread', 'coffee'])[1 + n % 3], 30 + 7 * n, timestamptz '2026-01-12 09:00+00' + n * interval '37 minutes'
FROM generate_series(1, 500) AS n
ON CONFLICT (id) DO NOTHING;
