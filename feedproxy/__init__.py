"""feedproxy: a self-hosted full-text feed proxy and mirror."""

__version__ = "0.1.0"
