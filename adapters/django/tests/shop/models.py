from django.db import models

from orderflow_bridge_django.fields import DocumentField


class Sale(models.Model):
    """An order as this site keeps it."""

    order_id = models.CharField(max_length=64, unique=True)
    cart_id = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=16)
    document = DocumentField()

    def __str__(self) -> str:
        return self.order_id
