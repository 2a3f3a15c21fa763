# class: files
# honest: poor
# probe: processes
# expect: score <= honest; status unreadable
# makes: deep.ipynb
# in kernel: a RecursionError in the grader

"""Hand in JSON that nests a hundred thousand deep where nbformat expects metadata: a recursive reader overflows its stack."""


def content(notebook: str) -> bytes:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    return b'{"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": ' + deep + b"}"
