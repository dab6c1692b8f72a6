import pytest

from container import Container


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    """One container for all the faults: what one breaks for good, the next one finds."""
    container = Container(tmp_path_factory.mktemp("container"))
    yield container
    container.end()


@pytest.fixture
def container(house):
    house.calm()
    yield house
    house.calm()
    house.is_whole()
