"""Typed views of a form type: what people query.

`forms.<form_type>` has a row per document (and part) and a column per field; `forms.<form_type>__<table>`
a row per line item of an array field; `forms.<form_type>__table_cells` the cells of tables on the pages.
On SQLite, which has no schemas, names begin with `forms_`.

A document is shown from its first scoring on. While it waits to be scored again (`pending`) and after its
blob has left the backlog (`gone`) its last values stay; one that can no longer be read (`dead`) has none.

Field values are kept one row each; a view turns them sideways. Its columns, and which field each stands
for, are written into the view itself, so that names and places never change: new fields are added at the
end and fields that are no longer learned keep their column. A form type's contract may refuse new columns.
"""

from __future__ import annotations

from pipeline.db.column_names import column_names
from pipeline.db.views.columns import ColumnPlan, Contract, Kind, Retyped, ViewColumn, ViewOptions
from pipeline.db.views.names import view_name, views_of
from pipeline.db.views.upkeep import (
    Refreshed,
    ViewChange,
    definition,
    drop_all_views,
    drop_views,
    nested_fields,
    refresh,
    refresh_view,
)

__all__ = [
    "ColumnPlan",
    "Contract",
    "Kind",
    "Refreshed",
    "Retyped",
    "ViewChange",
    "ViewColumn",
    "ViewOptions",
    "column_names",
    "definition",
    "drop_all_views",
    "drop_views",
    "nested_fields",
    "refresh",
    "refresh_view",
    "view_name",
    "views_of",
]
