"""What the shop keeps in its own database."""

from django.db import models


class Product(models.Model):
    """A book; its price is in pence."""

    sku = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=200)
    author = models.CharField(max_length=200)
    pence = models.PositiveIntegerField()
    for_sale = models.BooleanField(default=True)

    class Meta:
        """Order as on a shelf."""

        ordering = ("author", "title")

    def __str__(self) -> str:
        return f"{self.title} ({self.author})"
