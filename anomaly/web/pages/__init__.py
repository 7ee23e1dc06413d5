"""Pages of the dashboard: static shells, and the files that they load.

No stored data is ever put into a page: the scripts fetch all of it from ``/api/v1``.
"""

from anomaly.web.pages.page_routes import page_routes

__all__ = ["page_routes"]
