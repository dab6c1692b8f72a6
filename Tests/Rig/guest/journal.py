"""Looks into the journal file: is it whole, and how far does it go?"""
import json
import sqlite3
import sys

database = sqlite3.connect("file:/var/lib/mdc-agent/journal.sqlite?mode=ro", uri=True)
check = database.execute("PRAGMA integrity_check").fetchone()[0]
first, last, count = database.execute("SELECT min(sequence), max(sequence), count(*) FROM events").fetchone()
print(json.dumps({"check": check, "first": first, "last": last, "count": count}))
sys.exit(0 if check == "ok" else 1)
