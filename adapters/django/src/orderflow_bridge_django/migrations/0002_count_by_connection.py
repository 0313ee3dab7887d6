"""What is kept for one connection is counted as one range of an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the two indexes."""

    dependencies = [("orderflow_bridge", "0001_first_tables")]

    operations = [
        migrations.AddIndex(
            model_name="answer",
            index=models.Index(
                fields=["connection", "kept_until"], name="ofb_answer_of_connection"
            ),
        ),
        migrations.AddIndex(
            model_name="replay",
            index=models.Index(
                fields=["connection", "kept_until"], name="ofb_replay_of_connection"
            ),
        ),
    ]
