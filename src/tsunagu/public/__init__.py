"""Customers' own pages: links in mails, leaving and coming back, the mail in the browser."""

from tsunagu.public.routes import Site, site_app
from tsunagu.public.server import run
from tsunagu.public.service import Door

__all__ = ["Door", "Site", "run", "site_app"]
