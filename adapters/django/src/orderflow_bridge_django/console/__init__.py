"""The bridge's console in a Django site, for its staff.

`path("bridge-console/", include("orderflow_bridge_django.console.urls"))`; needs the extra
`orderflow-bridge[console]`.
"""
