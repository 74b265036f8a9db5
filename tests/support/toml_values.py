"""Whatever TOML can hold, for tests of laws."""

import string

from hypothesis import strategies as st

from matrix_runner.toml import TOMLValue

odd_words = st.text(alphabet=string.ascii_lowercase + "0129 {}[]$()'\"`\\=;,*!-_./#\n\0é\x7f\udc80", max_size=12)
words = odd_words | st.text(max_size=6) | st.sampled_from(("auto", "pip", "x86_64", "cp39-*", "1h", "2g", "{project}"))
scalars: st.SearchStrategy[TOMLValue] = (
    words | st.integers() | st.floats() | st.booleans() | st.dates() | st.times() | st.datetimes()
)
values: st.SearchStrategy[TOMLValue] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.sampled_from(("name", "args", "A", "B_1")), inner)
    ),
    max_leaves=6,
)
