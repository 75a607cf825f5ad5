"""The public pages, and everything that is passed on."""
