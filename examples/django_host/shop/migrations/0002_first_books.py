"""Put the first books on the shelf."""

from typing import Any

from django.db import migrations

BOOKS = (
    ("9780141439518", "Pride and Prejudice", "Jane Austen", 799),
    ("9780141441146", "Jane Eyre", "Charlotte Brontë", 899),
    ("9780141439600", "A Tale of Two Cities", "Charles Dickens", 850),
    ("9780141439679", "Cranford", "Elizabeth Gaskell", 950),
    ("9780241372579", "Mrs Dalloway", "Virginia Woolf", 999),
    ("print-fog", "Harbour in fog, signed print", "R. & M. Ito", 1899),
)


def fill(apps: Any, _editor: Any) -> None:
    """Add the first books."""
    product = apps.get_model("shop", "Product")
    product.objects.bulk_create(
        [product(sku=s, title=title, author=author, pence=p) for s, title, author, p in BOOKS]
    )


class Migration(migrations.Migration):
    """Begin with something to sell."""

    dependencies = (("shop", "0001_initial"),)
    operations = (migrations.RunPython(fill, migrations.RunPython.noop),)
