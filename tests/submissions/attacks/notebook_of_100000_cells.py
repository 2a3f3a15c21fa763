# class: files
# honest: poor
# probe: resources
# expect: score <= honest; status unreadable
# makes: cells.ipynb
# in kernel: executes all of them

"""Hand in 100,000 cells. Each costs a round trip to the kernel, a log line and a place in the report."""

import json


def content(notebook: str) -> bytes:
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": "1"}
    cells = [cell | {"id": f"c{k}"} for k in range(100_000)]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()
