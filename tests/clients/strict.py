"""Holds every answer of an AWS client against the service's own model: member names, types, enumerations, error codes.

boto3 passes over members it does not know, accepts members of a wrong type here and there, and makes an exception of any error code;
this does none of that.
"""
import datetime
import json
import re
import xml.etree.ElementTree as ElementTree

# Errors of every service, which no model lists.
COMMON_ERRORS = {
    "AccessDenied", "AccessDeniedException", "InvalidAction", "InvalidClientTokenId", "InvalidParameterException",
    "InvalidSignatureException", "SerializationException", "SignatureDoesNotMatch", "UnknownOperationException",
    "UnrecognizedClientException", "ValidationError", "ValidationException",
}
# Members of the engine's own, which no AWS client looks at.
EXTENSION = "seatrial:"
REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Strict:
    """Collects what is wrong with the answers of the clients it watches, and which operations they called."""

    def __init__(self):
        self.complaints = []
        self.answers = 0
        self.operations = set()

    def watch(self, client):
        client.meta.events.register("after-call.*.*", self._check)
        return client

    def _check(self, http_response, parsed, model, **_):
        where = model.name
        if not REQUEST_ID.fullmatch(parsed["ResponseMetadata"].get("RequestId", "")):
            self.complaints.append(f"{where}: no request id in {parsed['ResponseMetadata']}")
        if http_response.status_code != 200:
            self._error(parsed["Error"]["Code"], model)
            return
        self.operations.add((model.service_model.service_name, model.name))
        self.answers += 1
        if model.output_shape is None:
            return
        if model.service_model.metadata["protocol"] == "query":
            self._envelope(ElementTree.fromstring(http_response.content), model)
        else:
            self._json(json.loads(http_response.content or b"{}"), model.output_shape, where)

    def _error(self, code, model):
        modelled = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}
        if code not in modelled | COMMON_ERRORS:
            self.complaints.append(f"{model.name}: the error {code} is none of {sorted(modelled)}")

    def _envelope(self, root, model):
        """Checks `<XResponse><XResult>...</XResult><ResponseMetadata/></XResponse>`."""
        if _local(root) != f"{model.name}Response" or not root.tag.startswith("{http"):
            self.complaints.append(f"{model.name}: the answer is called {root.tag}")
        wrapper = model.output_shape.serialization.get("resultWrapper", f"{model.name}Result")
        names = [_local(child) for child in root]
        if names != [wrapper, "ResponseMetadata"]:
            self.complaints.append(f"{model.name}: the answer holds {names}")
        self._xml(root[0], model.output_shape, model.name)

    def _enumeration(self, text, shape, where):
        if getattr(shape, "enum", None) and text not in shape.enum:
            self.complaints.append(f"{where}: {text!r} is not one of {shape.enum}")

    def _required(self, names, shape, where):
        for name in shape.required_members:
            if name not in names:
                self.complaints.append(f"{where}: {name} is not there")

    def _json(self, value, shape, where):
        kind = shape.type_name
        if getattr(shape, "is_document_type", False):
            return
        if kind == "structure":
            if not isinstance(value, dict):
                self.complaints.append(f"{where}: {value!r} is no object")
                return
            self._required(value, shape, where)
            for name, member in value.items():
                if name.startswith(EXTENSION):
                    continue
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
        kind, text = shape.type_name, element.text or ""
        if kind == "structure":
            self._required([_local(child) for child in element], shape, where)
            for child in element:
                name = _local(child)
                member = shape.members.get(name) or next(
                    (m for m in shape.members.values() if m.serialization.get("name") == name), None)
                if member is None:
                    self.complaints.append(f"{where}: unknown member {name}")
                else:
                    self._xml(child, member, f"{where}.{name}")
        elif kind == "list":
            for index, child in enumerate(element):
                if _local(child) != shape.member.serialization.get("name", "member"):
                    self.complaints.append(f"{where}: list item is called {child.tag}")
                self._xml(child, shape.member, f"{where}[{index}]")
        elif kind == "string":
            self._enumeration(text, shape, where)
        elif kind in ("integer", "long"):
            if not text.lstrip("-").isdigit():
                self.complaints.append(f"{where}: {text!r} is no whole number")
        elif kind == "boolean":
            if text not in ("true", "false"):
                self.complaints.append(f"{where}: {text!r} is no boolean")
        elif kind == "timestamp":
            try:
                datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
            except ValueError:
                self.complaints.append(f"{where}: {text!r} is no instant")


def _local(element):
    return element.tag.split("}")[-1]
