"""Highest of each row, then of those; the column is read from the chosen row."""

EXERCISE = "units-strongest"


def strongest(maps: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    of_rows, columns = maps.max(dim=2)
    of_maps, rows = of_rows.max(dim=1)
    order = torch.argsort(of_maps, descending=True)[:k]
    rows = rows[order]
    return order, rows, columns[order, rows]
