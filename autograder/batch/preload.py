"""What every evaluator needs, imported once in the fork server.

Without the garbage collector: it would look again and again through a million objects that stay, a third of the time of
TensorFlow's import. Evaluators find them frozen, and look at what is new alone.
"""

import gc
import importlib
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, also while this goes on
gc.disable()
for _name in ("tensorflow", "keras", "sklearn.datasets", "autograder.evaluate", "autograder.batch.sources"):
    importlib.import_module(_name)
gc.freeze()
gc.enable()
