//! The JSON schema of `deployment.alarms`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::alarms::{AlarmEntry, AlarmsEntry, MissingWord};
use super::numbers::Span;

impl JsonSchema for AlarmsEntry {
    fn schema_name() -> Cow<'static, str> {
        "Alarms".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let alarm = generator.subschema_for::<AlarmEntry>();
        json_schema!({ "anyOf": [alarm, { "type": "array", "items": alarm, "minItems": 1 }] })
    }
}

impl JsonSchema for AlarmEntry {
    fn schema_name() -> Cow<'static, str> {
        "Alarm".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (span, missing) = (generator.subschema_for::<Span>(), generator.subschema_for::<MissingWord>());
        let limit = json_schema!({
            "description": "Fires when the average response time, or the percentile, is longer.",
            "allOf": [span]
        });
        json_schema!({
            "description": "The name of a CloudWatch alarm, or an alarm on the service's own requests.",
            "oneOf": [{ "type": "string", "minLength": 1 }, {
                "type": "object",
                "properties": {
                    "errors": {
                        "description": "Fires when a larger share of requests fails: is answered with 5xx, or finds no connection.",
                        "oneOf": [{ "type": "number", "minimum": 0, "exclusiveMaximum": 100 },
                            { "type": "string", "pattern": "^[0-9.]+ *%?$" }]
                    },
                    "average": limit, "p50": limit, "p90": limit, "p95": limit, "p99": limit,
                    "for": { "description": "How long it must last: a multiple of the period.", "allOf": [span] },
                    "period": { "description": "Length of a point: 10s, 20s, 30s or whole minutes; 1m when left out.", "allOf": [span] },
                    "missing": { "description": "What a period without requests counts as; `not_breaching` when left out.", "allOf": [missing] }
                },
                "patternProperties": { "^p[0-9]+(\\.[0-9]+)?$": limit },
                "required": ["for"],
                "additionalProperties": false
            }]
        })
    }
}
