"""Every path below the place where the site includes the console."""

from django.urls import re_path

from orderflow_bridge_django.console.views import console

__all__ = ["urlpatterns"]

app_name = "orderflow_bridge_console"
urlpatterns = [re_path(r"\A(?P<rest>(?s:.*))\Z", console, name="console")]
