//! `cache_control` ⇄ [`CacheTtl`].

use std::borrow::Cow;

use outcrop_model::chat::CacheTtl;
use outcrop_model::json::{Extra, Members};
use serde_json::value::RawValue;

use super::settings::word_of;
use crate::write::JsonWriter;

/// Reads a `cache_control`. What has no place in the IR goes to `extra` under its path.
pub(super) fn read<'a>(raw: Option<&'a RawValue>, extra: &mut Extra<'a>) -> Option<CacheTtl> {
    let raw = raw?;
    // Anything but an object of type `ephemeral` is kept whole.
    let members = serde_json::from_str::<Members<'a>>(raw.get()).unwrap_or_default();
    if members.get("type").and_then(word_of).as_deref() != Some("ephemeral") {
        extra.push((Cow::Borrowed("cache_control"), raw));
        return None;
    }
    let mut ttl = CacheTtl::Default;
    for (key, value) in members.0 {
        match (key.as_ref(), word_of(value).as_deref()) {
            ("type", _) => {}
            ("ttl", Some("5m")) => ttl = CacheTtl::FiveMinutes,
            ("ttl", Some("1h")) => ttl = CacheTtl::OneHour,
            _ if value.get() == "null" => {}
            _ => extra.push((Cow::Owned(format!("cache_control.{key}")), value)),
        }
    }
    Some(ttl)
}

/// Writes the member `cache_control`, if the prompt is to be cached here.
pub(super) fn write(w: &mut JsonWriter<'_>, cache: Option<CacheTtl>) {
    let Some(ttl) = cache else { return };
    w.key("cache_control");
    w.open_object();
    w.member_str("type", "ephemeral");
    match ttl {
        CacheTtl::Default => {}
        CacheTtl::FiveMinutes => w.member_str("ttl", "5m"),
        CacheTtl::OneHour => w.member_str("ttl", "1h"),
    }
    w.close_object();
}
