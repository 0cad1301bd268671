"""Prometheus, through files for the textfile collector of node_exporter."""

from .notifier import PrometheusNotifier

__all__ = ["PrometheusNotifier"]
