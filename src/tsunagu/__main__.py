"""`python -m tsunagu` is the command line."""

from tsunagu.runtime.cli import app

app()
