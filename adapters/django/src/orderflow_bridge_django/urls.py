"""Every path below the place where the site includes the bridge."""

from django.urls import re_path

from orderflow_bridge_django.views import endpoint

__all__ = ["urlpatterns"]

app_name = "orderflow_bridge"
urlpatterns = [re_path(r"\A(?P<rest>(?s:.*))\Z", endpoint, name="endpoint")]
