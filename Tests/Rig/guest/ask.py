"""Asks the agent over its Unix socket: ask.py PATH [JSON]; prints the body, exit 1 when it says no."""
import http.client
import socket
import sys


class Agent(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect("/run/mdc-agent/agent.sock")


agent = Agent("agent")
if len(sys.argv) > 2:
    agent.request("POST", sys.argv[1], sys.argv[2], {"Content-Type": "application/json"})
else:
    agent.request("GET", sys.argv[1])
answer = agent.getresponse()
sys.stdout.write(answer.read().decode())
sys.exit(0 if answer.status < 300 else 1)
