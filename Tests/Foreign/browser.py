"""Chromium without a screen, told what to do over a pair of pipes (the DevTools protocol): no library and no
port of its own."""
import base64
import json
import os
import select
import shutil
import subprocess
import time


def program():
    """The browser that is installed, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    def __init__(self, folder, *flags):
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()

        def place():
            # The browser reads commands on descriptor 3 and writes answers on 4.
            os.dup2(os.dup(to_browser), 13)
            os.dup2(os.dup(from_browser), 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        self.process = subprocess.Popen(
            [
                program(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={folder}", *flags, "about:blank",
            ],
            preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.number = 0
        self.rest = b""
        self.errors = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log"]:
            self.ask(f"{domain}.enable")

    session = None

    def ask(self, method, seconds=60, **parameters):
        """Sends one command and waits for its answer; what the page complains of meanwhile is kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds
        while True:
            for answer in self.take(deadline):
                if answer.get("method") == "Runtime.exceptionThrown":
                    self.errors.append(answer["params"]["exceptionDetails"])
                if answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                    self.errors.append(answer["params"]["entry"]["text"])
                if answer.get("id") == self.number:
                    if "error" in answer:
                        raise RuntimeError(f"{method}: {answer['error']}")
                    return answer["result"]

    def take(self, deadline):
        if not select.select([self.answers], [], [], max(0, deadline - time.monotonic()))[0]:
            raise TimeoutError("the browser does not answer")
        piece = os.read(self.answers, 1 << 20)
        if not piece:
            raise RuntimeError("the browser has ended")
        *whole, self.rest = (self.rest + piece).split(b"\0")
        return [json.loads(one) for one in whole]

    def size(self, width, height, phone=False):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def dark(self, on=True):
        features = [{"name": "prefers-color-scheme", "value": "dark" if on else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def open(self, address):
        self.ask("Page.navigate", url=address)

    def run(self, script):
        """The value of a script, or of the promise that it returns."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def picture(self, path, whole=False, kind="png", **more):
        picture = self.ask("Page.captureScreenshot", format=kind, captureBeyondViewport=whole, **more)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
