"""SkillRunner: does what was asked for."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.service import Service, parse_options
from hearth.settings import load_settings
from hearth.texts import as_list
from hearth.web_client import AlmanacClient, fetch_json

#: A forecast is good for this long.
FORECAST_S = 900

#: In how many steps the lights fade.
FADE_STEPS = 3


class UsageBook:
    """How often each skill was used."""

    def __init__(self):
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(["lights", "weather", "timer", "sun", "memory", "chat"], 0)

    def note(self, skill):
        with self._lock:
            if skill in self._counts:
                self._counts[skill] += 1

    def favourite(self):
        with self._lock:
            return max(self._counts, key=self._counts.get)

    def reset(self):
        """Starts counting afresh and tells what was the favourite so far."""
        with self._lock:
            last = self.favourite()
            self._counts = dict.fromkeys(self._counts, 0)
            return last


class TimerBook:
    """The kitchen timers that run."""

    def __init__(self):
        self._lock = threading.RLock()
        self._ends = {}

    def start(self, label, seconds):
        with self._lock:
            self.drop_ended()
            self._ends[label] = time.monotonic() + seconds

    def drop_ended(self):
        with self._lock:
            now = time.monotonic()
            self._ends = {label: end for label, end in self._ends.items() if end > now}

    def labels(self):
        with self._lock:
            return sorted(self._ends)


class SkillRunner(Service):
    name = "SkillRunner"

    def __init__(self, options):
        super().__init__(options)
        self.usage = UsageBook()
        self.timers = TimerBook()
        self.almanac = AlmanacClient(self.settings["almanac_host"], self.settings["almanac_port"])
        self.workers = ThreadPoolExecutor(max_workers=2)
        self._forecast_lock = threading.Lock()
        self._forecast = None
        self._stopping = threading.Event()
        self._lamp_lock = threading.Lock()
        self._lamps = {"ceiling": False, "desk": False}
        self.handlers["perform"] = self.handle_perform
        self.handlers["reset_usage"] = self.handle_reset_usage
        self.skills = {
            "lights": self.switch_lights,
            "weather": self.tell_weather,
            "timer": self.start_timer,
            "sun": self.tell_sun,
            "volume": self.tell_volume,
            "memory": self.confirm_memory,
        }

    def on_start(self):
        threading.Thread(target=self._age_forecast, name="forecast", daemon=True).start()

    def stop(self):
        self._stopping.set()
        self.workers.shutdown(wait=False, cancel_futures=True)
        self.almanac.close()
        super().stop()

    def handle_perform(self, request):
        skill = request["skill"]
        self.usage.note(skill)
        perform = self.skills.get(skill, self.small_talk)
        return {"ok": True, "text": perform(request["text"])}

    def handle_reset_usage(self, request):
        return {"ok": True, "favourite": self.usage.reset()}

    def switch_lights(self, text):
        """Lamps take a moment; the answer does not wait for them."""
        wanted = "off" not in text.split()
        threading.Thread(target=self._fade_lamps, args=(wanted,), daemon=True).start()
        return "Lights on." if wanted else "Lights off."

    def tell_weather(self, text):
        forecast = self._current_forecast()
        return f"It will be {forecast['sky']} with {forecast['high']} degrees."

    def start_timer(self, text):
        self.timers.start(text, 60)
        self.workers.submit(self._chime_after, 0.2)
        return f"Timers running: {as_list(self.timers.labels())}."

    def tell_sun(self, text):
        sun = self.almanac.sun()
        if sun is None:
            return "I cannot see the sun from here."
        with self._lamp_lock:
            lit = any(self._lamps.values())
        return f"The sun sets at {sun['set']}." + (" The lights are on already." if lit else "")

    def tell_volume(self, text):
        return f"The volume is at {load_settings()['volume']} percent."

    def confirm_memory(self, text):
        return "I will remember that."

    def small_talk(self, text):
        return "I am only a small assistant."

    def _current_forecast(self):
        with self._forecast_lock:
            if self._forecast is None:
                self._forecast = fetch_json(self.settings["almanac_url"])["forecast"]
            return self._forecast

    def _age_forecast(self):
        """Forgets the forecast when it is old, from a thread of its own."""
        while not self._stopping.wait(FORECAST_S):
            with self._forecast_lock:
                self._forecast = None

    def _fade_lamps(self, wanted):
        for _step in range(FADE_STEPS):
            time.sleep(0.1)
        with self._lamp_lock:
            for lamp in self._lamps:
                self._lamps[lamp] = wanted

    def _chime_after(self, seconds):
        time.sleep(seconds)
        self.log.info("the timer chimes")


if __name__ == "__main__":
    SkillRunner(parse_options()).run()
