"""The site's addresses: a page that needs no log-in, the admin, and the bridge below two places."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


@login_not_required
def hello(request: HttpRequest) -> HttpResponse:
    """Answer with the body that came."""
    return HttpResponse(b"hello " + request.body, content_type="text/plain")


urlpatterns = [
    path("hello", hello),
    path("admin/", admin.site.urls),
    path("bridge/", include("orderflow_bridge_django.urls")),
    path("bridge-console/", include("orderflow_bridge_django.console.urls")),
    path("api/v1/bridge/", include("orderflow_bridge_django.urls", namespace="v1")),
]
