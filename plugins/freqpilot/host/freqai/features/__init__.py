"""FreqAI's features: expanded once, kept, and cut to what a training asks for."""
