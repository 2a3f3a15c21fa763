# %% [markdown]
# # Assignment 5: signs and scales
#
# exp(logvar) for the standard deviation, a KL divergence that is averaged over the latent dimensions, a cross-entropy that
# is averaged over the pixels, and samples without a sigmoid. The rest is right.

# %%
import keras
import numpy as np
import tensorflow as tf

# %%
def reparameterize(mean, logvar, eps):
    return mean + tf.exp(logvar) * eps

# %%
def kl_divergence(mean, logvar):
    return -0.5 * tf.reduce_mean(1 + logvar - mean**2 - tf.exp(logvar), axis=1)


def log_normal_pdf(sample, mean, logvar):
    return -0.5 * tf.reduce_sum(np.log(2 * np.pi) + logvar + (sample - mean) ** 2 / tf.exp(logvar), axis=1)

# %%
def build_encoder(latent_dim):
    x = keras.Input((28, 28, 1))
    h = keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    h = keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(h)
    h = keras.layers.Flatten()(h)
    return keras.Model(x, [keras.layers.Dense(latent_dim)(h), keras.layers.Dense(latent_dim)(h)])


def build_decoder(latent_dim):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(7 * 7 * 32, activation="relu"),
            keras.layers.Reshape((7, 7, 32)),
            keras.layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
        ]
    )

# %%
def elbo(encoder, decoder, x, eps):
    mean, logvar = encoder(x)
    logits = decoder(reparameterize(mean, logvar, eps))
    bce = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits), axis=[1, 2, 3])
    return -bce - kl_divergence(mean, logvar)

# %%
def train_vae(x, *, latent_dim, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    encoder, decoder = build_encoder(latent_dim), build_decoder(latent_dim)
    weights = encoder.trainable_weights + decoder.trainable_weights
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(weights)

    @tf.function(reduce_retracing=True)
    def step(batch):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(elbo(encoder, decoder, batch, tf.random.normal((tf.shape(batch)[0], latent_dim))))
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return -loss

    dataset = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x), seed=seed).batch(batch_size)
    history = {"elbo": [float(np.mean([step(batch) for batch in dataset])) for _ in range(epochs)]}
    return encoder, decoder, history

# %%
def sample(decoder, n, seed):
    z = np.random.default_rng(seed).normal(size=(n, decoder.input_shape[-1])).astype(np.float32)
    return decoder(z).numpy()


def latent_grid(decoder, n):
    axis = np.array(tf.math.ndtri(np.linspace(0.05, 0.95, n))).astype(np.float32)
    rows = [[tf.sigmoid(decoder(np.array([[a, b]])))[0, :, :, 0] for b in axis] for a in axis]
    return np.block(rows)

# %%
def train_latent_classifier(encoder, x, y, *, epochs, seed):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.layers.Dense(50, activation="relu"), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(tf.concat(encoder(x), axis=1), y, epochs=epochs, verbose=0)
    return lambda images: model(tf.concat(encoder(images), axis=1))
