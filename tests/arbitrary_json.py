"""Whatever JSON may hold, as strategies of hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st


def texts(max_size: int | None = None) -> st.SearchStrategy[str]:
    """Texts of any characters, with lone surrogates among them."""
    return st.text(st.characters(codec=None, categories=None), max_size=max_size).map(
        # Two halves that stand together are one character in any JSON file.
        lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    )


def values(
    strings: st.SearchStrategy[str],
    keys: st.SearchStrategy[str] | None = None,
    *,
    max_items: int,
    max_leaves: int,
) -> st.SearchStrategy:
    """Values with these strings in them; the keys of objects are such strings too, unless given."""
    names = strings if keys is None else keys
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**300), 10**300)
        | st.floats(allow_nan=False, allow_infinity=False)
        | strings,
        lambda inner: st.lists(inner, max_size=max_items) | st.dictionaries(names, inner, max_size=max_items),
        max_leaves=max_leaves,
    )
