from django.db import models


class Sale(models.Model):
    """An order as this site keeps it."""

    order_id = models.CharField(max_length=64, unique=True)
    cart_id = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=16)
    document = models.TextField()

    def __str__(self) -> str:
        return self.order_id
