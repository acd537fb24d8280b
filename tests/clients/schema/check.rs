//! As much of JSON Schema as our own documents use. A keyword that it does not know is an error, never a pass.

use serde_json::{Map, Value};

/// A schema inside a document with `$defs`.
pub(crate) struct Schema<'d> {
    document: &'d Value,
    schema: &'d Value,
}

impl<'d> Schema<'d> {
    pub(crate) fn at(document: &'d Value, pointer: &str) -> Self {
        let schema = document.pointer(pointer).unwrap_or_else(|| panic!("there is no {pointer}"));
        Self { document, schema }
    }

    /// # Panics
    /// When the value is not as the schema says.
    pub(crate) fn accept(&self, value: &Value) {
        if let Err(error) = self.check(value) {
            panic!("{error}\nin {value:#}");
        }
    }

    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        let schema = match self.schema {
            Value::Object(schema) => schema,
            Value::Bool(true) => return Ok(()),
            other => return Err(format!("{other} is no schema that accepts anything")),
        };
        schema.iter().try_for_each(|(keyword, rule)| self.keyword(keyword, rule, schema, value))
    }

    fn keyword(&self, keyword: &str, rule: &'d Value, of: &Map<String, Value>, value: &Value) -> Result<(), String> {
        let fail = |what: &str| Err(format!("{value} breaks {what} {rule}"));
        match keyword {
            "description" | "title" | "default" => Ok(()),
            // They narrow numbers down further than JSON itself does.
            "format" => Ok(()),
            "$ref" => {
                let pointer = rule.as_str().and_then(|target| target.strip_prefix('#')).ok_or("a foreign $ref")?;
                Self::at(self.document, pointer).check(value)
            }
            "type" => match words(rule).any(|word| is_a(value, word)) {
                true => Ok(()),
                false => fail("type"),
            },
            "const" if value == rule => Ok(()),
            "enum" if rule.as_array().is_some_and(|allowed| allowed.contains(value)) => Ok(()),
            "minimum" if value.as_f64().is_none_or(|number| rule.as_f64().is_some_and(|least| number >= least)) => {
                Ok(())
            }
            "maximum" if value.as_f64().is_none_or(|number| rule.as_f64().is_some_and(|most| number <= most)) => Ok(()),
            "anyOf" if self.count(rule, value) >= 1 => Ok(()),
            "oneOf" if self.count(rule, value) == 1 => Ok(()),
            "const" | "enum" | "minimum" | "maximum" | "anyOf" | "oneOf" => fail(keyword),
            "required" => match words(rule).find(|name| value.is_object() && value.get(name).is_none()) {
                None => Ok(()),
                Some(missing) => Err(format!("{missing} is missing in {value}")),
            },
            "items" => value.as_array().into_iter().flatten().try_for_each(|item| self.within(rule).check(item)),
            "properties" => {
                let properties = rule.as_object().ok_or("properties are an object")?;
                properties.iter().try_for_each(|(name, rule)| match value.get(name) {
                    Some(value) => self.within(rule).check(value).map_err(|error| format!("{name}: {error}")),
                    None => Ok(()),
                })
            }
            "additionalProperties" => {
                let known = of.get("properties").and_then(Value::as_object);
                let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
                let others = value.as_object().into_iter().flatten().filter(|(name, _)| !is_known(name));
                others.into_iter().try_for_each(|(_, value)| self.within(rule).check(value))
            }
            unknown => Err(format!("this check does not know the keyword {unknown}")),
        }
    }

    fn within(&self, schema: &'d Value) -> Self {
        Self { document: self.document, schema }
    }

    /// How many of the alternatives accept a value.
    fn count(&self, alternatives: &'d Value, value: &Value) -> usize {
        let alternatives = alternatives.as_array().into_iter().flatten();
        alternatives.filter(|schema| self.within(schema).check(value).is_ok()).count()
    }
}

/// One word or several.
fn words(rule: &Value) -> impl Iterator<Item = &str> {
    std::slice::from_ref(rule)
        .iter()
        .flat_map(|rule| rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice))
        .filter_map(Value::as_str)
}

fn is_a(value: &Value, word: &str) -> bool {
    match word {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[test]
fn it_refuses_what_a_schema_forbids() {
    use serde_json::json;
    let document = json!({
        "$defs": {"word": {"type": "string", "enum": ["a", "b"]}},
        "thing": {
            "type": "object",
            "required": ["word", "count"],
            "properties": {
                "word": {"$ref": "#/$defs/word"},
                "count": {"type": ["integer", "null"], "minimum": 0},
                "list": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/word"}, {"type": "null"}]}},
                "one": {"oneOf": [{"type": "number"}, {"type": "integer"}, {"const": "x"}]},
            },
            "additionalProperties": false,
        },
        "odd": {"patternProperties": {}},
    });
    let thing = Schema::at(&document, "/thing");
    let good = json!({"word": "a", "count": null, "list": ["b", null], "one": 0.5});
    assert_eq!(thing.check(&good), Ok(()));
    for (name, bad) in [
        ("word", json!("c")),
        ("word", json!(1)),
        ("count", json!(-1)),
        ("count", json!(0.5)),
        ("list", json!(["c"])),
        ("list", json!({})),
        ("one", json!(1)),
        ("one", json!("y")),
        ("more", json!(1)),
    ] {
        let mut value = good.clone();
        value[name] = bad;
        assert!(thing.check(&value).is_err(), "{value}");
    }
    for missing in ["word", "count"] {
        let mut value = good.clone();
        value.as_object_mut().unwrap().remove(missing);
        assert!(thing.check(&value).is_err(), "{value}");
    }
    assert!(Schema::at(&document, "/odd").check(&json!({})).is_err());
}
