"""From an edge to an event that others can read, and the agent's own part of it, under emulation."""


def run(container):
    found = container.guest("latency.py", 21, 300, 65, timeout=60)
    container.pull(21, up=False)
    assert "error" not in found, found
    def said(name):
        return f"p50 {found[name]['p50']} ms, p99 {found[name]['p99']} ms, max {found[name]['max']} ms"

    return (f"edge to durable event over {found['edges']}: {said('whole')}; of it from the kernel's stamp to the "
            f"journal's write: {said('own')}; the disk: {said('disk')}; p50 by stage: {found['stages']}; the slowest: {found['slowest']}")
