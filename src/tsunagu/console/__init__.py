"""Console: the operators' pages, in Japanese and English."""

from tsunagu.console.app import Places, create_app, mount

__all__ = ["Places", "create_app", "mount"]
