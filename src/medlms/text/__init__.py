"""Conversations to text, text to tokens, tokens to batches. It knows tokenizers, and nothing of models or metrics."""
