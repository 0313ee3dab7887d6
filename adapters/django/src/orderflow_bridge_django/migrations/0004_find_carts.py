"""Carts are listed for an operator as a range of an index, and orders are summed in one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the indexes of carts, and widen those of the expiry and of the orders' status."""

    dependencies = [("orderflow_bridge", "0003_audit")]

    operations = [
        migrations.RemoveIndex(model_name="cart", name="ofb_cart_expires_at"),
        migrations.AddIndex(
            model_name="cart",
            index=models.Index(
                fields=["expires_at", "cart_id", "order_id"], name="ofb_cart_expires_at"
            ),
        ),
        migrations.AddIndex(
            model_name="cart",
            index=models.Index(
                fields=["connection", "expires_at", "cart_id", "order_id"],
                name="ofb_cart_unconverted",
            ),
        ),
        migrations.AddIndex(
            model_name="cart",
            index=models.Index(
                fields=["connection", "cart_id", "order_id"], name="ofb_cart_of_connection"
            ),
        ),
        migrations.AddIndex(
            model_name="cart",
            index=models.Index(fields=["email", "cart_id"], name="ofb_cart_of_email"),
        ),
        migrations.RemoveIndex(model_name="order", name="ofb_order_of_status"),
        migrations.RemoveIndex(model_name="order", name="ofb_order_of_both"),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                fields=["status", "placed_at", "order_id", "currency", "total"],
                name="ofb_order_of_status",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                fields=["connection", "status", "placed_at", "order_id", "currency", "total"],
                name="ofb_order_of_both",
            ),
        ),
    ]
