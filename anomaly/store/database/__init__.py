"""The SQLite file: schema, migrations, opening, locks, rows."""
