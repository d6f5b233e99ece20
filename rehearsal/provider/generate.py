"""`python -m rehearsal.provider.generate`: writes what follows from the types, schema.json and the handbook tables."""

from __future__ import annotations

from rehearsal.provider import handbook_table, schema, schema_generator


def main() -> None:
    schema.SCHEMA_FILE.write_text(schema_generator.render(schema_generator.generate()), encoding="utf-8")
    page = handbook_table.PAGE
    page.write_text(handbook_table.written(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
