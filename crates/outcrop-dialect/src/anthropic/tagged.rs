//! Reading a JSON object whose member `type` says what the others mean.
//!
//! 1. One pass when `type` comes first, which every known client and server does.
//! 2. Members that come before `type` are held raw and read once it is known.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use outcrop_model::json::{Extra, Str, next_str};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A struct that is read member by member, its `type` before all others.
pub(super) trait Tagged<'de>: Default {
    /// What a value of this type is called in an error message.
    const WHAT: &'static str;

    /// Takes the value of `type`; never called when it is absent or null.
    fn tag(&mut self, tag: Cow<'de, str>);

    /// Takes any other member.
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error>;
}

/// The body of `Deserialize::deserialize` for a [`Tagged`].
pub(super) fn read_tagged<'de, T: Tagged<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_map(TaggedVisitor(PhantomData))
}

/// Keeps a member raw; JSON `null` is absence.
pub(super) fn keep<'de, A: MapAccess<'de>>(
    extra: &mut Extra<'de>,
    key: Cow<'de, str>,
    map: &mut A,
) -> Result<(), A::Error> {
    if let Some(raw) = next_raw(map)? {
        extra.push((key, raw));
    }
    Ok(())
}

/// Reads the next value raw; JSON `null` is absence.
pub(super) fn next_raw<'de, A: MapAccess<'de>>(
    map: &mut A,
) -> Result<Option<&'de RawValue>, A::Error> {
    let raw: &'de RawValue = map.next_value()?;
    Ok((raw.get() != "null").then_some(raw))
}

struct TaggedVisitor<T>(PhantomData<T>);

impl<'de, T: Tagged<'de>> Visitor<'de> for TaggedVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        let mut tagged = false;
        let mut held: Extra<'de> = Vec::new();
        while let Some(Str(key)) = map.next_key()? {
            if key == "type" {
                if let Some(tag) = next_str(&mut map)? {
                    value.tag(tag);
                    tagged = true;
                }
            } else if tagged {
                value.member(key, &mut map)?;
            } else {
                held.push((key, map.next_value()?));
            }
        }
        for (key, raw) in held {
            let named = key.clone();
            value.member(key, &mut Held(raw)).map_err(|error| {
                let text = error.to_string();
                let reason = text.split(" at line ").next().unwrap_or(&text);
                A::Error::custom(format_args!("{reason} for `{named}`"))
            })?;
        }
        Ok(value)
    }
}

/// A member that was held raw, as the map access that is about to yield its value.
struct Held<'de>(&'de RawValue);

impl<'de> MapAccess<'de> for Held<'de> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        _seed: K,
    ) -> Result<Option<K::Value>, Self::Error> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Self::Error> {
        seed.deserialize(self.0)
    }
}
