"""The excerpt of a model: what results look like, and nothing else."""

from __future__ import annotations

from apimodels.__main__ import excerpt
from statebox.asl.jsontext import Json
from statebox.engine.apimodels import api_models

MODEL: Json = {
    "metadata": {"serviceId": "My Service"},
    "operations": {
        "Get": {"input": {"shape": "GetInput"}, "output": {"shape": "GetOutput"}},
        "Forget": {"input": {"shape": "GetInput"}},
    },
    "shapes": {
        "GetInput": {"type": "structure", "members": {}},
        "GetOutput": {
            "type": "structure",
            "required": ["id"],
            "documentation": "much",
            "members": {"id": {"shape": "Id", "documentation": "more"}, "inner": {"shape": "List"}},
        },
        "Id": {"type": "string", "max": 3, "pattern": ".*"},
        "List": {"type": "list", "member": {"shape": "GetOutput"}, "max": 9},
    },
}


def test_only_what_results_are_made_of_is_kept():
    assert excerpt(MODEL) == (
        "myservice",
        {
            "operations": {"Get": "GetOutput"},
            "shapes": {
                "GetOutput": {"type": "structure", "required": ["id"], "members": {"id": "Id", "inner": "List"}},
                "Id": {"type": "string", "max": 3},
                "List": {"type": "list", "max": 9, "member": "GetOutput"},
            },
        },
    )


def test_every_shape_that_the_file_names_is_in_it():
    for model in api_models().values():
        shapes: Json = model["shapes"]
        named = set(model["operations"].values())
        for shape in shapes.values():
            named |= set(shape.get("members", {}).values())
            named |= {shape[field] for field in ("member", "value") if field in shape}
        assert named == set(shapes)
