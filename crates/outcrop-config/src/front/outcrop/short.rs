//! Forms that save writing: one where a list may stand, a text where a mapping may, tables in order.
//!
//! They tell [`super::read`] what they are by the names below, and can be read by it alone.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A list, or its only item.
pub(super) const MANY: &str = "$many";
/// A mapping, or a text that stands for one.
pub(super) const SHORT: &str = "$short";
/// The same of a secret, which is never shown.
pub(super) const SECRET: &str = "$secret";

/// One or many.
#[derive(Clone, PartialEq)]
pub struct Many<T>(pub Vec<T>);

/// `T`, or a text that stands for one.
#[derive(Clone, Default, PartialEq)]
pub struct Short<T>(pub T);

/// What a text can stand for.
pub trait Brief: Sized {
    /// What the text is, for the schema.
    const TEXT: &'static str;
    /// The words that it can be, if it cannot be any text.
    const WORDS: &'static [&'static str] = &[];
    /// Whether nothing at all can stand for one.
    const MAY_BE_NULL: bool = false;
    /// What it is to the reader.
    const FORM: &'static str = SHORT;

    fn from_text(text: &str) -> Result<Self, String>;
    /// The text that stands for it, if one does.
    fn as_text(&self) -> Option<String>;
}

/// A mapping that keeps its order.
#[derive(Clone, PartialEq)]
pub struct Table<T>(pub Vec<(String, T)>);

// === impl Many ===

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Many<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(Many(all))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                one: D,
            ) -> Result<Many<T>, D::Error> {
                T::deserialize(one).map(|one| Many(vec![one]))
            }
        }
        deserializer.deserialize_newtype_struct(MANY, Items(PhantomData))
    }
}

impl<T: Serialize> Serialize for Many<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => one.serialize(serializer),
            all => all.serialize(serializer),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Many_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [item, { "type": "array", "items": item }] })
    }
}

// === impl Short ===

impl<'de, T: Deserialize<'de> + Brief> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Brief> Visitor<'de> for Either<T> {
            type Value = Short<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a mapping")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Short<T>, E> {
                T::from_text(text).map(Short).map_err(E::custom)
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                long: D,
            ) -> Result<Short<T>, D::Error> {
                T::deserialize(long).map(Short)
            }
        }
        deserializer.deserialize_newtype_struct(T::FORM, Either(PhantomData))
    }
}

impl<T: Serialize + Brief> Serialize for Short<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_text() {
            Some(text) => serializer.serialize_str(&text),
            None => self.0.serialize(serializer),
        }
    }
}

impl<T: JsonSchema + Brief> JsonSchema for Short<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Short_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<T>();
        let mut text = json_schema!({ "type": ["string", "number"], "description": T::TEXT });
        if !T::WORDS.is_empty() {
            text.insert("enum".to_owned(), T::WORDS.into());
        }
        match T::MAY_BE_NULL {
            true => json_schema!({ "anyOf": [text, long, { "type": "null" }] }),
            false => json_schema!({ "anyOf": [text, long] }),
        }
    }
}

// === impl Table ===

impl<T> Table<T> {
    /// Whether it has a row of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Rows<T> {
            type Value = Table<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Table<T>, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = entries.next_entry()? {
                    rows.push(row);
                }
                Ok(Table(rows))
            }
        }
        deserializer.deserialize_map(Rows(PhantomData))
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<T: JsonSchema> JsonSchema for Table<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Table_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}
