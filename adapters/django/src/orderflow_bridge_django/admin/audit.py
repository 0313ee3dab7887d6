"""The audit in the admin: to look at."""

from django.contrib import admin

from orderflow_bridge_django.admin.readonly import ReadOnlyAdmin, moment
from orderflow_bridge_django.models import AuditEntry

__all__ = ["AuditAdmin"]


class AuditAdmin(ReadOnlyAdmin):
    """Show who changed connections and master keys, the newest first."""

    list_display = ("happened", "actor", "event", "subject", "details")
    list_filter = ("event",)
    search_fields = ("subject", "actor")
    fields = ("happened", "actor", "event", "subject", "details", "entry_id")
    readonly_fields = fields
    show_full_result_count = False

    @admin.display(description="at", ordering="happened_at")
    def happened(self, entry: AuditEntry) -> str:
        """Write when it was."""
        return moment(entry.happened_at)
