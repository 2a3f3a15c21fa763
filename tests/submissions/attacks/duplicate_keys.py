# class: files
# honest: poor
# probe: marks
# expect: score <= honest; status graded, unreadable
# makes: twice.ipynb
# in kernel: no gain; two readers may see two notebooks

"""Hand in a notebook whose keys occur twice, so that whoever checks it sees other cells than whoever runs it, with numbers
as names, several `nbformat`, and cells that are not cells."""

import json


def content(notebook: str) -> bytes:
    cell = {"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": []}
    innocent, real = json.dumps([cell | {"source": "1"}]), json.dumps([cell | {"source": notebook}])
    text = f'{{"nbformat": 9, "nbformat": 4, "nbformat_minor": 5, "metadata": {{"otter": 1, "otter": {{}}}}, "cells": {innocent}, "cells": {real}, "cells": {real}}}'
    return text.encode()
