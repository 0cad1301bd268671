"""Models whose rows cannot be inserted one after the other are found."""

from collections.abc import Sequence

import pytest
from django.db import models
from django.test.utils import isolate_apps

from django_rclone.clients.orm.deferred import unsatisfiable_models
from django_rclone.clients.orm.tables import Table

# Each row is a model: its name, and the models it refers to; those with a "?" may be empty.
Graph = dict[str, list[str]]


@isolate_apps()
def tables_for(graph: Graph) -> Sequence[Table]:
    found = []
    for name, references in graph.items():
        fields: dict[str, object] = {
            f"to_{number}": models.ForeignKey(
                reference.strip("?"), models.CASCADE, null="?" in reference, related_name="+"
            )
            for number, reference in enumerate(references)
        }
        meta = type("Meta", (), {"app_label": "shop"})
        found.append(type(name, (models.Model,), {**fields, "Meta": meta, "__module__": __name__}))
    return [Table(model, (), "default") for model in found]


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"A": [], "B": ["A"], "C": ["A", "B"]}, []),
        ({"B": ["A"], "A": []}, ["shop.B"]),
        ({"Tree": ["Tree?"]}, []),
        ({"Tree": ["Tree"]}, ["shop.Tree"]),
        ({"A": ["B?"], "B": ["A"]}, []),
        ({"A": ["B"], "B": ["A"]}, ["shop.A"]),
        ({"A": ["C"], "B": ["A"], "C": ["B"]}, ["shop.A"]),
    ],
    ids=str,
)
def test_models_that_need_later_rows_are_unsatisfiable(graph: Graph, expected: list[str]) -> None:
    assert unsatisfiable_models(tables_for(graph)) == expected
