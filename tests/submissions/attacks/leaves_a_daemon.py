# class: floods
# honest: poor
# probe: processes
# expect: score <= honest; status graded
# in kernel: 58 processes ran on after the grading (run)

# %% [markdown]
# Start processes that leave their session, ignore every signal, lose their parent and go by the name of the bait. One of
# them waits for the next student's notebook.

# %%
import ctypes
import os
import signal
import time


def leave():
    if os.fork() == 0:
        os.setsid()
        for _ in range(2):
            if os.fork() == 0:
                for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                    signal.signal(number, signal.SIG_IGN)
                ctypes.CDLL(None).prctl(15, bait["mark"].encode(), 0, 0, 0)
                ends = time.time() + 600
                while time.time() < ends:
                    time.sleep(0.1)
                os._exit(0)
        os._exit(0)
    os.wait()


def backward(params, x, y_hat, hidden, t, reg):
    leave()
    return params


leave()
