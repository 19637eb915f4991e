"""DialogRouter: takes what was said, finds out what is meant, and has it done."""

import sys
from collections import deque
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hearth.service import Service, parse_options
from hearth.sockets import ask_once, patient_socket, request_socket

INTENT_PORT = 17103
SKILL_PORT = 17104
MEMORY_PORT = 17106


class DialogRouter(Service):
    name = "DialogRouter"

    def __init__(self, options):
        super().__init__(options)
        self.intents = request_socket(self.context, INTENT_PORT)
        self.skills = patient_socket(self.context, SKILL_PORT)
        self.turns = deque(maxlen=200)
        self.notices = []
        self.reminders = deque()
        self.handlers.update(
            {
                "say": self.handle_say,
                "notice": self.handle_notice,
                "notices": self.handle_notices,
                "remind": self.handle_remind,
                "reminders": self.handle_reminders,
                "turns": self.handle_turns,
            }
        )

    def stop(self):
        self.intents.close()
        self.skills.close()
        super().stop()

    def handle_say(self, request):
        """One turn of a dialog."""
        text = request["text"]
        meaning = self._meaning_of(text)
        answer = self._perform(meaning, text)
        self.turns.append((text, answer))
        if meaning["intent"] == "memory":
            self._remember(request.get("speaker", "someone"), text)
        return {"ok": True, "intent": meaning["intent"], "text": answer}

    def handle_notice(self, request):
        """Keeps a notice until somebody is in the room."""
        self.notices.append(request["text"])
        return {"ok": True}

    def handle_notices(self, request):
        """Hands out what waits, oldest first."""
        said = []
        while self.notices:
            notice = self.notices.pop(0)
            said.append(f"By the way: {notice}")
        return {"ok": True, "said": said}

    def handle_remind(self, request):
        if len(self.reminders) >= 500:
            self.reminders.popleft()
        self.reminders.append(request["text"])
        return {"ok": True}

    def handle_reminders(self, request):
        said = []
        while self.reminders:
            reminder = self.reminders.popleft()
            said.append(f"Remember: {reminder}")
        return {"ok": True, "said": said}

    def handle_turns(self, request):
        return {"ok": True, "turns": list(self.turns)[-20:]}

    def _meaning_of(self, text):
        try:
            self.intents.send_json({"action": "parse", "text": text})
            return self.intents.recv_json()
        except zmq.Again:
            self.log.warning("the intent parser does not answer")
            return {"intent": "chat"}

    def _perform(self, meaning, text):
        self.skills.send_json({"action": "perform", "skill": meaning["intent"], "text": text})
        done = self.skills.recv_json()
        return done.get("text", "Sorry, that went wrong.")

    def _remember(self, speaker, text):
        entry = {"speaker": speaker, "said": text}
        if ask_once(self.context, MEMORY_PORT, {"action": "remember", "entry": entry}) is None:
            self.log.warning("the memory does not answer")


if __name__ == "__main__":
    DialogRouter(parse_options()).run()
