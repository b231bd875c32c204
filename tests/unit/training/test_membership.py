from __future__ import annotations

from dataclasses import replace

from pipeline.training.membership import group_rows
from tests.unit.training.training_shelf import ROW


def test_rows_of_one_group_stand_together_whatever_their_order() -> None:
    alone = replace(ROW, form_type="alone", group="alone")
    b, a = replace(ROW, form_type="b"), replace(ROW, form_type="a")
    assert group_rows([b, alone, a]) == {"invoices": (a, b), "alone": (alone,)}
