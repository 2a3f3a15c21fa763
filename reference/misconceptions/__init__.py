"""Wrong answers with a name: how students err, and the words that help them."""
