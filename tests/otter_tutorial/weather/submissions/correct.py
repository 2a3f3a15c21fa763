# %%
import numpy as np

# %%
table = np.genfromtxt("readings.csv", delimiter=",", names=True)
readings = table["celsius"]
mean_temperature = sum(readings) / len(readings)


# %%
def to_fahrenheit(celsius):
    return 32 + 1.8 * celsius


# %%
order = np.argsort(readings)
warmest, coldest = order[-1] + 1, order[0] + 1
warmest, coldest = int(warmest), int(coldest)
