"""What every notebook would do once in its own process, done once in the template: each fork has it ready.

Nothing here creates a thread or touches a device: TensorFlow's first operation does both, and a process that has run
one cannot be forked. All of it is for speed alone, so that what a version of a library refuses is left out.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from typing import Any

import numpy as np

__all__ = ["import_libraries", "rehearse", "warm_tensorflow"]

_IMPORTS = (
    "numpy", "matplotlib.pyplot", "matplotlib.font_manager", "nbformat", "jupytext", "otter.test_files",
    "tensorflow", "keras", "sklearn.datasets", "scipy.special", "pandas", "PIL.Image", "IPython", "autograder.session.student",
)  # fmt: skip


def import_libraries() -> None:
    """Import what notebooks import, and what TensorFlow and Keras load on first use."""
    for name in _IMPORTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    tf = sys.modules.get("tensorflow")
    if tf is not None:
        for name in ("keras", "data", "nn", "random", "linalg", "math", "autodiff"):
            getattr(tf, name, None)


def warm_tensorflow() -> None:
    """Fill TensorFlow's registries, generate the machine code of its matrix products, and spare AutoGraph a search."""
    if "tensorflow" not in sys.modules:
        return
    for action in (_fill_registries, _generate_products, _spare_a_search):
        with contextlib.suppress(Exception):
            action()


def _fill_registries() -> None:
    from tensorflow.python.framework import op_def_registry
    from tensorflow.python.util import pywrap_xla_ops

    op_def_registry.get("NoSuchOperation")  # a name that is not found makes the registry copy all that it holds, once
    pywrap_xla_ops.get_cpu_kernel_names()


def _generate_products() -> None:
    """Have Grappler fold a constant product: it runs the kernel without a device, and its threads end with it.

    The kernel's library generates code for this processor when the first product is computed, which takes 30 ms.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") != "-1":  # Grappler would count the GPUs
        return
    import tensorflow as tf
    from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
    from tensorflow.python.grappler import _pywrap_tf_optimizer as grappler

    graph = meta_graph_pb2.MetaGraphDef()
    for name in ("a", "b"):
        node = graph.graph_def.node.add(name=name, op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.ones((8, 8), np.float32)))
    for name, op, inputs in (("product", "MatMul", ["a", "b"]), ("result", "Identity", ["product"])):
        graph.graph_def.node.add(name=name, op=op, input=inputs).attr["T"].type = tf.float32.as_datatype_enum
    graph.collection_def["train_op"].node_list.value.append("result")
    config = config_pb2.ConfigProto()
    options = config.graph_options.rewrite_options
    options.min_graph_nodes, options.meta_optimizer_iterations = -1, 1
    options.optimizers.append("constfold")
    grappler.TF_OptimizeGraphSerialized(None, config.SerializeToString(), graph.SerializeToString(), False, b"warm", False)


def _spare_a_search() -> None:
    """AutoGraph looks through all modules for the file of each function that it converts; a cell's is in none."""
    from tensorflow.python.autograph.pyct import inspect_utils

    search = inspect_utils._fix_linecache_record
    inspect_utils._fix_linecache_record = lambda f: None if inspect.getfile(f).startswith("<cell ") else search(f)


def rehearse(shell: Any) -> None:
    """Read a notebook and a script, run a cell, and show an error: schemas, parsers and the index of all modules'
    files are ready then."""
    from autograder.session.reader import read_submission

    notebook = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'
    for filename, data in (("a.ipynb", notebook), ("a.py", b"# %%\nx = 1\n")):
        read_submission(filename, data, shell.transform_cell, "a")
    shell.run_cell("None", silent=True)
    shell.run_cell("1 / 0", silent=True)
