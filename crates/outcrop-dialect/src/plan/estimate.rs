//! How much a request may use, before anything is sent: for limits.
//!
//! What the gateway can decode is estimated as the count of tokens does ([`prompt`]); a body of Bedrock's
//! own is weighed member by member, whatever it is made of.

use std::fmt;

use outcrop_model::ChatRequest;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Peeked, Read};
use crate::anthropic::count::estimate::{IMAGE, bytes_of, in_media, prompt, text};
use crate::{anthropic, openai};

/// An estimate, and what the caller wants at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of the prompt.
    pub input: u64,
    /// The bound that the caller set, in tokens.
    pub output: Option<u64>,
}

/// What native bodies call the bound of an answer. Source: the parameters of each family in the Bedrock
/// user guide (checked 2026-11-21).
const BOUNDS: [&str; 7] = [
    "max_tokens",
    "maxTokens",
    "max_gen_len",
    "maxTokenCount",
    "max_new_tokens",
    "max_tokens_to_sample",
    "max_completion_tokens",
];

impl Peeked<'_> {
    /// Never fails: what cannot be read is weighed by its bytes, and refused by the plan.
    pub fn estimate(&self) -> Estimate {
        match &self.content {
            Read::Decoded { decoded, .. } => Estimate::of(&decoded.request),
            Read::Mixed { decoded, .. } => Estimate::of(&decoded.request),
            Read::Chat { body, .. } => {
                openai::decode(body).map_or_else(|_| weigh(body), |d| Estimate::of(&d.request))
            }
            Read::Responses { body, recalled, .. } => {
                let decoded = body.clone().decode(recalled);
                let rough = Estimate { input: (self.size as u64).div_ceil(3), output: None };
                decoded.map_or(rough, |decoded| Estimate::of(&decoded.request))
            }
            Read::Anthropic { body, betas, .. } => {
                let betas: Vec<&str> = betas.iter().map(|beta| &**beta).collect();
                anthropic::decode(body, &betas).map_or_else(|_| weigh(body), |r| Estimate::of(&r))
            }
            Read::Bedrock { body, .. } => weigh(body),
            Read::Enveloped { body, .. } => weigh(body),
        }
    }
}

impl Estimate {
    /// Of a body of any kind.
    pub fn of_body(body: &[u8]) -> Self {
        weigh(body)
    }

    fn of(request: &ChatRequest<'_>) -> Self {
        Self { input: prompt(request), output: request.max_tokens }
    }
}

/// Weighs any JSON; what is none by its bytes.
fn weigh(body: &[u8]) -> Estimate {
    let mut estimate = Estimate::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let seed = Weigh { estimate: &mut estimate, place: Place::Words };
    match seed.deserialize(&mut json) {
        Ok(()) => estimate,
        Err(_) => Estimate { input: (body.len() as u64).div_ceil(3), output: estimate.output },
    }
}

/// What a value is, by the member that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Words,
    /// Under an image.
    Image,
    /// Base64.
    Media {
        image: bool,
    },
    Bound,
}

struct Weigh<'e> {
    estimate: &'e mut Estimate,
    place: Place,
}

impl Place {
    fn under(self, member: &str) -> Self {
        let image = self == Self::Image || matches!(member, "image" | "images");
        match member {
            _ if BOUNDS.contains(&member) => Self::Bound,
            "bytes" | "data" => Self::Media { image },
            _ if image => Self::Image,
            _ => Self::Words,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, words: &str) -> Result<(), E> {
        self.estimate.input += match self.place {
            Place::Media { image: true } => IMAGE,
            Place::Media { image: false } => in_media(bytes_of(words)),
            Place::Words | Place::Image | Place::Bound => text(words),
        };
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        match self.place {
            Place::Bound => self.estimate.output = self.estimate.output.max(Some(number)),
            Place::Words | Place::Image | Place::Media { .. } => self.estimate.input += 1,
        }
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { estimate, place } = self;
        while items.next_element_seed(Weigh { estimate, place })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { estimate, place } = self;
        while let Some(member) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            // Schemas are read by the model with their members' names; a few words more do no harm.
            estimate.input += 1;
            members.next_value_seed(Weigh { estimate, place: place.under(&member) })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use outcrop_model::Carrier;
    use serde_json::{Value, json};

    #[test]
    fn every_dialect_tells_its_bound_and_its_words() {
        let words = "seven b".repeat(100);
        let said = |content: Value| json!([{"role": "user", "content": content}]);
        let chat =
            json!({"model": "m", "max_tokens": 9, "messages": said(json!(words))}).to_string();
        let converse = json!({"messages": said(json!([{"text": words}])), "inferenceConfig": {"maxTokens": 9}});
        let titan = json!({"inputText": words, "textGenerationConfig": {"maxTokenCount": 9}});
        let bedrock = |body: &Value| {
            let body = Bytes::from(body.to_string());
            Peeked::bedrock("m".into(), body, Carrier::Invoke, false).estimate()
        };
        for estimate in [
            Peeked::openai(chat.as_bytes()).unwrap().estimate(),
            Peeked::completion(
                json!({"model": "m", "max_tokens": 9, "prompt": words}).to_string().as_bytes(),
            )
            .unwrap()
            .estimate(),
            Peeked::anthropic(chat.as_bytes(), Vec::new()).unwrap().estimate(),
            bedrock(&converse),
            bedrock(&titan),
        ] {
            assert_eq!(estimate.output, Some(9));
            assert!((200..230).contains(&estimate.input), "{estimate:?}");
        }
    }

    #[test]
    fn media_weigh_as_media_and_anything_weighs_something() {
        let image = json!({"image": {"format": "png", "source": {"bytes": "A".repeat(400_000)}}});
        let document = json!({"document": {"source": {"bytes": "A".repeat(40_000)}}});
        assert!((1600..1620).contains(&weigh(image.to_string().as_bytes()).input));
        assert!((1000..1010).contains(&weigh(document.to_string().as_bytes()).input));
        assert_eq!(weigh(b"no JSON at all").input, 5);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(weigh(deep.as_bytes()).input > 0);
    }
}
