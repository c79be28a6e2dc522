"""The one place that builds and wires everything: a module for each part; `process` starts and stops them."""

from gateway.app.process import App

__all__ = ["App"]
