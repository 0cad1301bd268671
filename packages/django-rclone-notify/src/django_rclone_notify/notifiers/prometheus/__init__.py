"""Prometheus, by files for the textfile collector of the node exporter."""

from .notifier import PrometheusNotifier

__all__ = ["PrometheusNotifier"]
