"""Text work: burns processor time."""

import re


def tokenize(text):
    words = []
    for _ in range(12):
        words = re.findall(r"\w+", text)
    return words


def fingerprint(words):
    total = 0
    for word in words:
        for letter in word:
            total = (total * 31 + ord(letter)) % 1_000_003
    return total
