"""Holds every answer of an AWS client against the service's own model: member names, types, enumerations.

boto3 passes over members it does not know and accepts members of a wrong type here and there; this does neither.
"""
import json
import xml.etree.ElementTree as ElementTree


class Strict:
    """Collects what is wrong with the answers of the clients it watches."""

    def __init__(self):
        self.complaints = []
        self.answers = 0

    def watch(self, client):
        client.meta.events.register("after-call.*.*", self._check)
        return client

    def _check(self, http_response, parsed, model, **_):
        if http_response.status_code != 200 or model.output_shape is None:
            return
        self.answers += 1
        where = model.name
        if model.service_model.metadata["protocol"] == "query":
            root = ElementTree.fromstring(http_response.content)
            name = root.tag.split("}")[-1]
            if name != f"{model.name}Response":
                self.complaints.append(f"{where}: the answer is called {name}")
            for child in root:
                if child.tag.split("}")[-1] == model.output_shape.serialization.get("resultWrapper", f"{model.name}Result"):
                    self._xml(child, model.output_shape, where)
        else:
            self._json(json.loads(http_response.content or b"{}"), model.output_shape, where)

    def _enumeration(self, text, shape, where):
        if getattr(shape, "enum", None) and text not in shape.enum:
            self.complaints.append(f"{where}: {text!r} is not one of {shape.enum}")

    def _json(self, value, shape, where):
        kind = shape.type_name
        if kind == "structure":
            if not isinstance(value, dict):
                self.complaints.append(f"{where}: {value!r} is no object")
                return
            for name, member in value.items():
                if name not in shape.members:
                    self.complaints.append(f"{where}: unknown member {name}")
                else:
                    self._json(member, shape.members[name], f"{where}.{name}")
        elif kind == "list":
            if not isinstance(value, list):
                self.complaints.append(f"{where}: {value!r} is no list")
                return
            for index, item in enumerate(value):
                self._json(item, shape.member, f"{where}[{index}]")
        elif kind == "map":
            for name, item in value.items():
                self._json(item, shape.value, f"{where}[{name}]")
        elif kind == "string":
            if not isinstance(value, str):
                self.complaints.append(f"{where}: {value!r} is no text")
            self._enumeration(value, shape, where)
        elif kind == "boolean":
            if not isinstance(value, bool):
                self.complaints.append(f"{where}: {value!r} is no boolean")
        elif kind in ("integer", "long"):
            if not isinstance(value, int) or isinstance(value, bool):
                self.complaints.append(f"{where}: {value!r} is no whole number")
        elif kind in ("double", "float", "timestamp"):
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                self.complaints.append(f"{where}: {value!r} is no number")

    def _xml(self, element, shape, where):
        kind = shape.type_name
        if kind == "structure":
            for child in element:
                name = child.tag.split("}")[-1]
                member = shape.members.get(name) or next(
                    (m for m in shape.members.values() if m.serialization.get("name") == name), None)
                if member is None:
                    self.complaints.append(f"{where}: unknown member {name}")
                else:
                    self._xml(child, member, f"{where}.{name}")
        elif kind == "list":
            for index, child in enumerate(element):
                if child.tag.split("}")[-1] != shape.member.serialization.get("name", "member"):
                    self.complaints.append(f"{where}: list item is called {child.tag}")
                self._xml(child, shape.member, f"{where}[{index}]")
        elif kind == "string":
            self._enumeration(element.text or "", shape, where)
        elif kind in ("integer", "long"):
            if not (element.text or "").lstrip("-").isdigit():
                self.complaints.append(f"{where}: {element.text!r} is no whole number")
        elif kind == "boolean":
            if element.text not in ("true", "false"):
                self.complaints.append(f"{where}: {element.text!r} is no boolean")
