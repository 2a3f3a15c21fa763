# q1 leaves out the last month, q2 multiplies by 5/9, q3 counts the coldest month from 0.

# %%
import numpy as np

# %%
readings = np.loadtxt("readings.csv", delimiter=",", skiprows=1, usecols=1)
mean_temperature = readings[:-1].mean()


# %%
def to_fahrenheit(celsius):
    return celsius * 5 / 9 + 32


# %%
warmest = int(np.argmax(readings)) + 1
coldest = int(np.argmin(readings)) + 1 + 1
