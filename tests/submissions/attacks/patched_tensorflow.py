# class: comparisons
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# in kernel: no gain with this course's tests, which compare in NumPy (run)

# %% [markdown]
# Make TensorFlow's comparisons succeed: `tf.debugging.assert_*`, `tf.reduce_all`, `tf.equal` and the `==` of tensors.
# In a shared process a test that compares tensors compares nothing any more.

# %%
import tensorflow as tf

for name in [n for n in dir(tf.debugging) if n.startswith("assert")]:
    setattr(tf.debugging, name, lambda *args, **kwargs: None)
tf.reduce_all = tf.equal = tf.math.reduce_all = tf.math.equal = lambda *args, **kwargs: tf.constant(True)
kind = type(tf.constant(1.0))
kind.__eq__ = kind.__le__ = kind.__ge__ = lambda self, other: True
kind.__hash__ = object.__hash__
