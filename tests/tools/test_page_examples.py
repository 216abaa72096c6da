"""The runner of the pages' examples: what it finds, and how it writes outputs anew."""

from pathlib import Path

from tools.page_examples import corrected, run

PAGE = """Text.

```python
>>> x = 1
>>> print("a\\n\\nb")
a

b
>>> x + 1
3

>>> 1 / 0
```

```python
x = 5
assert NetChain
```

```python
>>> x
5
```

```sh
>>> not run
```
"""


def test_a_page_is_run_and_corrected():
    reports, other = run(Path("page.md"), PAGE)
    assert len(reports) == 2 and "Expected:\n    3\nGot:\n    2\n" in reports[0]
    fixed = corrected(PAGE, other)
    assert ">>> x + 1\n2\n\n>>> 1 / 0\nTraceback (most recent call last):\nZeroDivisionError: division by zero\n```" in fixed
    assert run(Path("page.md"), fixed) == ([], {})
    assert corrected(fixed, {}) == fixed
