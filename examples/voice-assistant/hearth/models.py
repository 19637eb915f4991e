"""The models behind the services, and small stand-ins where the libraries are not installed."""

try:
    from transformers import pipeline
except ImportError:
    pipeline = None

try:
    import whisper
except ImportError:
    whisper = None

KEYWORDS = {
    "light": "lights",
    "lights": "lights",
    "weather": "weather",
    "rain": "weather",
    "timer": "timer",
    "sun": "sun",
    "remember": "memory",
}


class KeywordScorer:
    """Stands in for an intent model."""

    def __call__(self, text):
        hits = [KEYWORDS[word] for word in text.split() if word in KEYWORDS]
        return [{"label": hits[0] if hits else "chat", "score": 0.9 if hits else 0.3}]


class EchoRecogniser:
    """Stands in for a speech model: frames of the simulated microphone carry their words."""

    def transcribe(self, audio):
        return {"text": audio.decode("utf-8", "replace") if isinstance(audio, bytes) else str(audio)}


class ToneVoice:
    """Stands in for a voice: one beep a word."""

    def __call__(self, text):
        return {"sampling_rate": 16000, "audio": [440 + 20 * len(word) for word in text.split()]}


def load_scorer(model):
    """The intent model, from disk into memory."""
    if pipeline is None:
        return KeywordScorer()
    return pipeline("text-classification", model=model)


def load_recogniser(size):
    """The speech model, from disk into memory."""
    if whisper is None:
        return EchoRecogniser()
    return whisper.load_model(size)


def load_voice():
    """The voice, from disk into memory."""
    if pipeline is None:
        return ToneVoice()
    return pipeline("text-to-speech")
