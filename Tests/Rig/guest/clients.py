"""Clients of the inference plane that never rest: clients.py FILE asks until FILE is there, and tells how it went.
Two of them open a connection for each request, two keep theirs and open another only after "Connection: close"."""
import collections
import http.client
import json
import os
import sys
import threading
import time

BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]})
stop = sys.argv[1]
outcomes = collections.Counter()
slowest = 0.0


def ask(connection):
    connection.request("POST", "/v2/models/echo/infer", BODY)
    answer = connection.getresponse()
    said = answer.read()
    return "answered" if answer.status == 200 else f"{answer.status} {said[:200].decode(errors='replace')}"


def client(keeps):
    global slowest
    connection = None
    while not os.path.exists(stop):
        if connection is None or not keeps:
            connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=120)
        begun = time.monotonic()
        try:
            outcome = ask(connection)
        except (OSError, http.client.HTTPException) as fault:
            outcome, connection = f"{'kept' if keeps else 'new'} connection: {fault!r}", None
        slowest = max(slowest, time.monotonic() - begun)
        outcomes[outcome] += 1
        if not keeps:
            connection = None
        time.sleep(0.05)


threads = [threading.Thread(target=client, args=(keeps,)) for keeps in (False, True, False, True)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"answered": outcomes.pop("answered", 0), "else": outcomes, "slowest": round(slowest, 2)}))
