"""Make the shelf."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Begin with a table of books."""

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Product",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sku", models.CharField(max_length=64, unique=True)),
                ("title", models.CharField(max_length=200)),
                ("author", models.CharField(max_length=200)),
                ("pence", models.PositiveIntegerField()),
                ("for_sale", models.BooleanField(default=True)),
            ],
            options={"ordering": ("author", "title")},
        ),
    )
