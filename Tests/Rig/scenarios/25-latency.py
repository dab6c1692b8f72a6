"""From an edge to an event that others can read, under emulation."""


def run(container):
    found = container.guest("edges.py", "latency", 21, 100, 120, timeout=90)
    container.pull(21, up=False)
    assert "error" not in found, found
    return f"edge to durable event over {found['edges']}: p50 {found['p50']} ms, p90 {found['p90']} ms, " \
           f"p99 {found['p99']} ms, max {found['max']} ms (the reader's polling included)"
