# class: files
# honest: poor
# probe: resources
# expect: score <= honest; status unreadable
# makes: large.ipynb
# in kernel: read whole, and validated, by the grader

"""Hand in a notebook of 100 MB: one cell with an output of that size. nbformat validates it for minutes, in the process
of who reads it."""

import json


def content(notebook: str) -> bytes:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 100_000_000}
    cell = {"cell_type": "code", "id": "a", "execution_count": 1, "metadata": {}, "outputs": [output], "source": notebook}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}).encode()
