"""100,000 random edges on 32 lines: no state is missed."""


def run(container):
    found = container.guest("random_edges.py", 100_000, timeout=120)
    assert found["missed"] == 0, found
    return (f"{found['edges']} edges in {found['batches']} batches at {found['rate']} a second, "
            f"{found['compared']} states compared, {found['missed']} missed; the reader knew of {found['lost']} "
            f"edges lost; seed {found['seed']}")
