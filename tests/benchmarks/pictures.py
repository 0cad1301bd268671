"""Bars as SVG: for each work and remote, the seconds of each contender at each step."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from tests.benchmarks.contenders import OURS
from tests.benchmarks.figures import Series

_LINE, _LEFT, _WIDTH = 20, 260, 420
_OURS, _OTHERS, _SPREAD = "#2563eb", "#9ca3af", "#111827"


def pictures(series: Sequence[Series]) -> dict[str, str]:
    """Return pictures by the names of their files, without the ending."""
    found = {}
    for (work, remote), own in groupby(series, key=lambda one: (one.work, one.remote)):
        if work != "growth":
            found[f"{work}-{remote}".replace(" ", "-").replace(",", "")] = bars(list(own))
    return found


def bars(series: Sequence[Series]) -> str:
    """Return one picture: a bar up to the median, and a line from the least to the most."""
    spreads = [one.spread(lambda run: run.wall) for one in series]
    longest = max((spread.most for spread in spreads if spread), default=1.0) or 1.0
    height = _LINE * (len(series) + 1)
    size = f'width="{_LEFT + _WIDTH + 90}" height="{height}"'
    font = 'font-family="sans-serif" font-size="12"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>']
    for number, (one, spread) in enumerate(zip(series, spreads, strict=True)):
        top = _LINE * number + 8
        label = escape(f"{one.step}, {one.contender}")
        parts.append(f'<text x="{_LEFT - 8}" y="{top + 11}" text-anchor="end">{label}</text>')
        if spread is None:
            parts.append(f'<text x="{_LEFT}" y="{top + 11}">{escape(one.problem[:50])}</text>')
            continue
        scale = _WIDTH / longest
        color = _OURS if one.contender.startswith(OURS.name) else _OTHERS
        least, most = _LEFT + spread.least * scale, _LEFT + spread.most * scale
        place = f'x="{_LEFT}" y="{top}" width="{spread.median * scale:.1f}" height="14"'
        parts += [
            f'<rect {place} fill="{color}"/>',
            f'<path d="M{least:.1f} {top + 7}H{most:.1f}" stroke="{_SPREAD}"/>',
            f'<text x="{most + 6:.1f}" y="{top + 11}">{spread.median:.2f} s</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
