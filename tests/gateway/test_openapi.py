import subprocess
import sys
from pathlib import Path

import jsonschema

from actors.gateway.openapi import REF, document
from actors.gateway.routes import ROUTES

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def refs(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for each in value.values():
            yield from refs(each)
    elif isinstance(value, list):
        for each in value:
            yield from refs(each)


def test_every_route_is_in_the_document_with_what_it_names():
    found = document(ROUTES, "1.0")
    assert {(path, method.upper()) for path, each in found["paths"].items() for method in each} == {
        (route.path, route.method) for route in ROUTES
    }
    schemas = found["components"]["schemas"]
    assert {ref.removeprefix(REF) for ref in refs(found)} <= schemas.keys()
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_names_of_operations_and_places_in_paths_are_whole():
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names)
    for path, methods in document(ROUTES, "1.0")["paths"].items():
        for operation in methods.values():
            places = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert {f"{{{place}}}" for place in places} == {part for part in path.split("/") if part.startswith("{")}


def test_what_a_node_answers_is_what_its_document_says(node):
    """Schemathesis makes up requests from the document, good and bad, and holds every answer against it."""
    done = subprocess.run(
        [
            SCHEMATHESIS,
            "run",
            f"{node.url}/openapi.json",
            f"--header=Authorization: Bearer {node.token}",
            "--checks=all",
            "--phases=fuzzing",
            "--max-examples=4",
            "--exclude-path=/events",
            "--no-color",
        ],
        cwd=node.folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
