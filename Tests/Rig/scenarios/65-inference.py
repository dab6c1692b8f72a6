"""The inference plane under systemd: a restart loses no request and keeps the pool's memory, a kill costs only what
was inside, and smoke in the container ends it."""

POOL = "find /proc/$(systemctl show -P MainPID mdc-inference.service)/fd -lname '*mdc-inference-pool*' -exec stat -L -c %i {} + 2>/dev/null | sort -u"


def same_pool(machine, before):
    after = machine.check(POOL)
    assert after == before, f"other memory: {before.split()} became {after.split()}; " + machine.check(
        "systemctl status mdc-inference.service --no-pager; journalctl -u mdc-inference.service --no-pager | tail -40")


def run(container):
    machine = container.machine
    container.everything_normal()
    for zone in ["smoke", "leak", "tamper"]:
        container.wait_zone(zone, "normal")
    machine.check("mdc-agent alarms ack --all")
    container.begin_inference()
    pool = machine.check(POOL)
    assert len(pool.split()) == 1, f"not one pool: {pool}"
    for _ in range(3):
        machine.check("systemctl restart mdc-inference.service", 30)
        container.wait_inference()
    same_pool(machine, pool)
    assert machine.check("systemctl show -P NFileDescriptorStore mdc-inference.service").strip() == "1"
    clients = container.end_inference()
    assert clients["answered"] > 20 and not clients["else"], f"requests were lost: {clients}"

    # kill -9: systemd still has the memory and the sockets.
    machine.check("systemctl kill -s KILL mdc-inference.service")
    container.wait_inference()
    same_pool(machine, pool)

    # What happens in the container governs what is served.
    container.pull("SMOKE1", up=True)
    refused = machine.wait_until("mdc-agent infer send echo | tee /run/said; ! grep -q answer /run/said", 30)
    page = container.ask("/v1/status")["posture"]
    container.pull("SMOKE1", up=False)
    container.wait_zone("smoke", "normal")
    machine.check("mdc-agent alarms ack --all")
    container.wait_inference(60)
    return f"{clients['answered']} requests over three restarts, none lost, the slowest after {clients['slowest']} s; {page}; {refused}"
