"""Words and phrases."""

import re
from functools import lru_cache

PUNCTUATION = re.compile(r"[^\w\s']")
SPACES = re.compile(r"\s+")


@lru_cache(maxsize=None)
def normalise(text):
    """Lower case, without punctuation, single spaces."""
    return SPACES.sub(" ", PUNCTUATION.sub(" ", text.lower())).strip()


@lru_cache(maxsize=1024)
def initials(name):
    """How the panel shows a speaker."""
    return "".join(part[0].upper() for part in name.split() if part)


def phrase_matcher(phrases):
    """A pattern that finds any of the phrases, the longest first."""
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile(r"\b(" + "|".join(map(re.escape, longest_first)) + r")\b")


def edit_distance(left, right):
    """Levenshtein's distance: how many letters to change, add or drop."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def as_list(items):
    """The way in which a person would say a list."""
    if len(items) < 2:
        return "".join(items)
    return ", ".join(items[:-1]) + " and " + items[-1]
