"""The site's database: scores, events, cases, clips and the outbox, in one SQLite file."""
