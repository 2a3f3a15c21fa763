# %% [markdown]
# # Assignment 5: half done
#
# The decoder ends in a sigmoid and the bound takes its output for logits; the encoder is dense. Training raises because of a
# misspelt name, the grid is torn by a reshape, and the classifier trains the encoder along.

# %%
import keras
import numpy as np
import tensorflow as tf

# %%
def reparameterize(mean, logvar, eps):
    return mean + tf.exp(0.5 * logvar) * np.random.normal(size=mean.shape)

# %%
def kl_divergence(mean, logvar):
    return 0.5 * tf.reduce_sum(1 + logvar - mean**2 - tf.exp(logvar), axis=1)


def log_normal_pdf(sample, mean, logvar):
    ...

# %%
def build_encoder(latent_dim):
    x = keras.Input((28, 28, 1))
    h = keras.layers.Dense(128, activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(x, [keras.layers.Dense(latent_dim)(h), keras.layers.Dense(latent_dim, activation="softplus")(h)])


def build_decoder(latent_dim):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(14 * 14 * 8, activation="relu"),
            keras.layers.Reshape((14, 14, 8)),
            keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
        ]
    )

# %%
def elbo(encoder, decoder, x, eps):
    mean, logvar = encoder(x)
    logits = tf.sigmoid(decoder(mean + tf.exp(0.5 * logvar) * eps))
    bce = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits), axis=[1, 2, 3])
    return tf.reduce_mean(-bce - kl_divergence(mean, logvar))

# %%
def train_vae(x, *, latent_dim, epochs, batch_size, seed):
    encoder, decoder = build_encoder(latent_dim), build_decoder(latent_dim)
    optimizer = keras.optimizers.Adam(1e-3)
    for epoch in range(epochs):
        for k in range(0, len(x), batch_size):
            with tf.GradientTape() as tape:
                loss = -elbo(encoder, decoder, x[k : k + batch_size], tf.random.normal((batch_size, latent_dim)))
            weights = encoder.trainable_weights + decoder.trainable_weights
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weigths))
    return encoder, decoder, {"elbo": []}

# %%
def sample(decoder, n, seed):
    return decoder(np.random.uniform(-1, 1, (n, 2)))


def latent_grid(decoder, n):
    axis = np.linspace(-2, 2, n)
    z = np.array([[a, b] for a in axis for b in axis], np.float32)
    return np.reshape(decoder(z), (28 * n, 28 * n))

# %%
def train_latent_classifier(encoder, x, y, *, epochs, seed):
    h = keras.layers.Concatenate()(encoder.outputs)
    model = keras.Model(encoder.inputs, keras.layers.Dense(10, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=epochs, verbose=0)
    return model.predict
