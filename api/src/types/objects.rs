//! Objects inside of what a client sends. A struct would also be read from a list of its fields, in their order: nobody sends
//! that on purpose, and the document says nothing of it.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// An object, or null.
pub(super) fn one<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let object = Option::<Map<String, Value>>::deserialize(from)?;
    object.map(|object| serde_json::from_value(Value::Object(object)).map_err(D::Error::custom)).transpose()
}

/// A list of objects.
pub(super) fn many<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Map<String, Value>>::deserialize(from)?;
    let each = objects.into_iter().map(|object| serde_json::from_value(Value::Object(object)));
    each.collect::<Result<_, _>>().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use crate::types::{BulkRequest, NodePatch};

    #[test]
    fn a_list_of_fields_is_no_object() {
        let node = |body| serde_json::from_str::<NodePatch>(body).is_ok();
        assert!(node(r#"{"limits":null}"#) && node(r#"{"limits":{"up_bytes_per_s":5}}"#));
        for body in [r#"{"limits":[null,null]}"#, r#"{"limits":{"windows":[[[],"1","2"]]}}"#] {
            assert!(!node(body), "{body}");
        }
        assert!(serde_json::from_str::<BulkRequest>(r#"{"action":"remove","items":[["a"]]}"#).is_err());
    }
}
