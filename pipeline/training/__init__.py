"""The training stage: what is in a training folder, whether to train, and what becomes of the model."""
