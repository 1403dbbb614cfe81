//! An answer or a chunk of one, as it stands on the wire.

use std::borrow::Cow;

use outcrop_model::json::{Extra, Object, next_str, skip};
use outcrop_model::{Usage, read_as_object};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

#[derive(Default)]
pub(super) struct Answer<'a> {
    pub id: Option<Cow<'a, str>>,
    pub choice: Option<Choice<'a>>,
    pub usage: Option<Counted>,
    pub extra: Extra<'a>,
}

#[derive(Default)]
pub(super) struct Choice<'a> {
    /// `message` or `delta`.
    pub piece: Piece<'a>,
    pub finish_reason: Option<Cow<'a, str>>,
}

#[derive(Default)]
pub(super) struct Piece<'a> {
    pub content: Option<Cow<'a, str>>,
    pub refusal: Option<Cow<'a, str>>,
    pub thinking: Option<Cow<'a, str>>,
    pub calls: Vec<Call<'a>>,
    pub extra: Extra<'a>,
}

#[derive(Default)]
pub(super) struct Call<'a> {
    pub index: Option<u32>,
    pub id: Option<Cow<'a, str>>,
    pub name: Option<Cow<'a, str>>,
    pub arguments: Option<Cow<'a, str>>,
}

/// Token counts, made disjoint.
#[derive(Default)]
pub(super) struct Counted(pub Usage);

/// The first of the choices, and the others raw.
#[derive(Default)]
struct Choices<'a> {
    first: Option<Choice<'a>>,
    others: Vec<&'a RawValue>,
}

#[derive(Default)]
struct Function<'a> {
    name: Option<Cow<'a, str>>,
    arguments: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct WireUsage {
    prompt: u64,
    completion: u64,
    prompt_details: Details,
    completion_details: Details,
}

#[derive(Default)]
struct Details {
    cached: u64,
    cache_write: u64,
    reasoning: Option<u64>,
}

impl<'de> Object<'de> for Answer<'de> {
    const WHAT: &'static str = "a chat completion";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "id" => self.id = next_str(map)?,
            "choices" => {
                let Choices { first, others } = map.next_value()?;
                self.choice = first;
                let others = (1..).zip(others);
                self.extra.extend(others.map(|(i, raw)| (format!("choices[{i}]").into(), raw)));
            }
            "usage" => self.usage = map.next_value()?,
            "object" | "created" | "model" | "system_fingerprint" | "service_tier" | "p"
            | "obfuscation" => skip(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Choice<'de> {
    const WHAT: &'static str = "a choice";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "message" | "delta" => {
                self.piece = map.next_value::<Option<_>>()?.unwrap_or_default();
            }
            "finish_reason" => self.finish_reason = next_str(map)?,
            "index" => skip(map)?,
            _ => keep(&mut self.piece.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Piece<'de> {
    const WHAT: &'static str = "a message";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "content" => self.content = next_str(map)?,
            "refusal" => self.refusal = next_str(map)?,
            "reasoning_content" | "reasoning" => {
                self.thinking = next_str(map)?.or(self.thinking.take());
            }
            "tool_calls" => self.calls = map.next_value::<Option<_>>()?.unwrap_or_default(),
            "role" => skip(map)?,
            _ => keep(&mut self.extra, key, map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Call<'de> {
    const WHAT: &'static str = "a tool call";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "index" => self.index = map.next_value()?,
            "id" => self.id = next_str(map)?,
            "function" => {
                let function: Option<Function<'de>> = map.next_value()?;
                let Function { name, arguments } = function.unwrap_or_default();
                (self.name, self.arguments) = (name, arguments);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Function<'de> {
    const WHAT: &'static str = "a function call";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "name" => self.name = next_str(map)?,
            "arguments" => self.arguments = next_str(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for WireUsage {
    const WHAT: &'static str = "token counts";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "prompt_tokens" | "input_tokens" => self.prompt = number(map)?,
            "completion_tokens" | "output_tokens" => self.completion = number(map)?,
            "prompt_tokens_details" | "input_tokens_details" => {
                self.prompt_details = map.next_value::<Option<_>>()?.unwrap_or_default();
            }
            "completion_tokens_details" | "output_tokens_details" => {
                self.completion_details = map.next_value::<Option<_>>()?.unwrap_or_default();
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Object<'de> for Details {
    const WHAT: &'static str = "details of token counts";
    fn member<A: MapAccess<'de>>(
        &mut self,
        key: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*key {
            "cached_tokens" => self.cached = number(map)?,
            "cache_write_tokens" => self.cache_write = number(map)?,
            "reasoning_tokens" => self.reasoning = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn number<'de, A: MapAccess<'de>>(map: &mut A) -> Result<u64, A::Error> {
    Ok(map.next_value::<Option<u64>>()?.unwrap_or_default())
}

/// Keeps a member that has no place here; JSON `null` and empty lists are absence.
fn keep<'de, A: MapAccess<'de>>(
    extra: &mut Extra<'de>,
    key: Cow<'de, str>,
    map: &mut A,
) -> Result<(), A::Error> {
    let raw: &RawValue = map.next_value()?;
    if !matches!(raw.get(), "null" | "[]") {
        extra.push((key, raw));
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let WireUsage { prompt, completion, prompt_details, completion_details } =
            WireUsage::deserialize(deserializer)?;
        let Details { cached, cache_write, .. } = prompt_details;
        Ok(Self(Usage {
            input: prompt.saturating_sub(cached).saturating_sub(cache_write),
            cache_read: cached,
            cache_write_5m: cache_write,
            cache_write_1h: 0,
            output: completion,
            reasoning: completion_details.reasoning,
        }))
    }
}

impl<'de> Deserialize<'de> for Choices<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Choices<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of choices")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Choices<'de>, A::Error> {
                let mut choices = Choices { first: seq.next_element()?, others: Vec::new() };
                while let Some(other) = seq.next_element()? {
                    choices.others.push(other);
                }
                Ok(choices)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

read_as_object!(Answer<'de>, Choice<'de>, Piece<'de>, Call<'de>, Function<'de>, WireUsage, Details);
