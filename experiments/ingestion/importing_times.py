"""In which form a column writes its times. Times without an offset are UTC."""

import duckdb

from experiments.connectors.connector import unreadable

NUMERIC_TIMES = {"seconds": 1_000_000.0, "milliseconds": 1000.0, "microseconds": 1.0}
"""Numbers since 1970: the form, and how many microseconds its unit is."""

TEXT_TIMES = {
    "iso": None,
    "yyyymmdd": "%Y%m%d",
    "year/month/day": "%Y/%m/%d",
    "day.month.year": "%d.%m.%Y",
    "day/month/year": "%d/%m/%Y",
    "month/day/year": "%m/%d/%Y",
}
"""Forms in writing, each also with a time of day behind it; `iso` is RFC 3339 and what comes close to it."""

_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f")
_ENOUGH = 0.5
_AMBIGUOUS = ("day/month/year", "month/day/year")
_RANGES = {"yyyymmdd": (19e6, 22e6), "seconds": (1e8, 1e10), "milliseconds": (1e11, 1e13), "microseconds": (1e14, 1e16)}


def time_expression(value: str, form: str) -> str:
    """SQL (DuckDB) that reads microseconds since 1970 from the text `value`; NULL where it is no such time."""
    if form in NUMERIC_TIMES:
        return f"CAST(floor(try_cast({value} AS DOUBLE) * {NUMERIC_TIMES[form]}) AS BIGINT)"
    pattern = TEXT_TIMES.get(form, form)
    if pattern is None:
        return f"epoch_us(try_cast({value} AS TIMESTAMPTZ))"
    clocks = _CLOCKS if form in TEXT_TIMES else ("",)
    patterns = ", ".join("'" + (pattern + clock).replace("'", "''") + "'" for clock in clocks)
    return f"epoch_us(try_strptime({value}, [{patterns}]))"


def best_time(duck: duckdb.DuckDBPyConnection, column: str) -> str:
    """The form that reads most of the column's values in the table `sample`. Raises InvalidError where none does."""
    text = f"""trim("{column.replace('"', '""')}"::VARCHAR)"""
    shares = _shares(duck, text)
    form = max(shares, key=lambda name: shares[name])
    if shares[form] < _ENOUGH:
        examples = duck.execute(f"SELECT {text} FROM sample WHERE {text} <> '' LIMIT 3").fetchall()  # noqa: S608
        seen = ", ".join(str(row[0]) for row in examples)
        raise unreadable(f"the times in {column!r} are not understood ({seen}); say how with --time-format")
    first, second = _AMBIGUOUS
    if form in _AMBIGUOUS and shares[first] == shares[second]:
        raise unreadable(f"{column!r} may be day/month or month/day; say which with --time-format {first} or {second}")
    return form


def _shares(duck: duckdb.DuckDBPyConnection, text: str) -> dict[str, float]:
    number = f"try_cast({text} AS DOUBLE)"
    tests = {form: f"{number} >= {low} AND {number} < {high}" for form, (low, high) in _RANGES.items()}
    # What is a plain number is no text of a date, though some would be read as one.
    tests |= {
        form: f"{number} IS NULL AND {time_expression(text, form)} IS NOT NULL"
        for form in TEXT_TIMES
        if form not in tests
    }
    shares = ", ".join(f"count(*) FILTER ({test}) / greatest(count({text}), 1)" for test in tests.values())
    found = duck.execute(f"SELECT {shares} FROM sample WHERE {text} <> ''").fetchall()[0]  # noqa: S608
    return dict(zip(tests, found, strict=True))
