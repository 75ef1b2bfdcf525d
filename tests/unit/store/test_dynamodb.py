"""botocore's models of AWS, as its clients read them here."""

from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader, Loader

from shared.store.dynamodb import ModelFiles, session


@pytest.mark.parametrize("name", ["endpoints", "_retry", "dynamodb/2012-08-10/service-2"])
def test_a_model_is_what_botocore_reads(name: str) -> None:
    path = str(Path(Loader.BUILTIN_DATA_PATH) / name)
    read = ModelFiles().load_file(path)
    assert read == JSONFileLoader().load_file(path)
    assert list(read)  # neither is None


def test_a_model_that_does_not_exist_is_none(tmp_path: Path) -> None:
    assert ModelFiles().load_file(str(tmp_path / "service-2")) is None


def test_clients_read_their_models_so() -> None:
    loader = session().get_component("data_loader")
    assert isinstance(loader.file_loader, ModelFiles)
    assert loader.load_service_model("dynamodb", "service-2")["metadata"]["serviceId"] == "DynamoDB"
