//! Values that are written as words.

use std::borrow::Cow;
use std::time::Duration;

use outcrop_model::{Carrier, Fidelity, PicoUsd, Units};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::front::outcrop::short::{Brief, SECRET};
use crate::words;

/// `500ms`, `30s`, `1m30s`, `12h`.
#[derive(Clone, Copy, PartialEq)]
pub struct DurationText(pub Duration);

/// `$20`, `20 usd`.
#[derive(Clone, Copy, PartialEq)]
pub struct MoneyText(pub PicoUsd);

/// A secret by reference. A text is the secret itself; `${VAR}` alone stays a reference to the variable.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// A variable of the environment; one that is unset or empty is no secret at all.
    Env(String),
    /// A file, read again when it changes. A trailing line break is not part of it.
    File(String),
    /// The secret itself.
    Inline(String),
    /// A key of a Kubernetes Secret, which is among the files.
    Kubernetes(KubernetesKey),
}

/// A key of a Kubernetes Secret.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubernetesKey {
    /// Without it: `default`.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Name of the Secret.
    pub name: String,
    /// The key in it.
    pub key: String,
}

fn default_namespace() -> String {
    "default".to_owned()
}

/// What becomes of parts of a request that a model cannot be given.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", rename = "Fidelity")]
pub enum FidelityWord {
    /// The request is refused, naming the part.
    Strict,
    /// It is answered, and the parts are listed in the header `x-outcrop-loss`.
    Report,
    /// It is answered, and they are only counted.
    Lenient,
}

/// Which of Bedrock's APIs takes the requests.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", rename = "Carrier")]
pub enum CarrierWord {
    /// `/model/{id}/converse`
    Converse,
    /// `/model/{id}/invoke`
    Invoke,
    /// OpenAI's API on bedrock-runtime.
    Openai,
    /// Anthropic's API on bedrock-runtime.
    Anthropic,
    /// Both APIs on bedrock-mantle.
    Mantle,
}

// === impl Secret ===

impl Brief for Secret {
    const TEXT: &'static str = "The secret itself, or ${VAR}.";
    const FORM: &'static str = SECRET;

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self::Inline(text.to_owned()))
    }

    /// Printed secrets always say what they are.
    fn as_text(&self) -> Option<String> {
        None
    }
}

// === impl DurationText ===

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        words::duration(&text).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "pattern": "^[0-9].*[a-z]$|^0$|\\$" },
                { "const": 0 }
            ],
            "description": "Numbers and units: 500ms, 30s, 5m, 1h, 1d, 1m30s."
        })
    }
}

// === impl MoneyText ===

impl<'de> Deserialize<'de> for MoneyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        words::money(&text).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for MoneyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("${}", Units::One.dollars(self.0)))
    }
}

impl JsonSchema for MoneyText {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "US dollars: $20, 0.5 usd.",
            "pattern": "^\\$|[uU][sS][dD]$"
        })
    }
}

// === impl FidelityWord, CarrierWord ===

impl From<FidelityWord> for Fidelity {
    fn from(word: FidelityWord) -> Self {
        match word {
            FidelityWord::Strict => Self::Strict,
            FidelityWord::Report => Self::Report,
            FidelityWord::Lenient => Self::Lenient,
        }
    }
}

impl From<Fidelity> for FidelityWord {
    fn from(fidelity: Fidelity) -> Self {
        match fidelity {
            Fidelity::Strict => Self::Strict,
            Fidelity::Report => Self::Report,
            Fidelity::Lenient => Self::Lenient,
        }
    }
}

impl From<CarrierWord> for Carrier {
    fn from(word: CarrierWord) -> Self {
        match word {
            CarrierWord::Converse => Self::Converse,
            CarrierWord::Invoke => Self::Invoke,
            CarrierWord::Openai => Self::OpenAi,
            CarrierWord::Anthropic => Self::Anthropic,
            CarrierWord::Mantle => Self::Mantle,
        }
    }
}

impl CarrierWord {
    /// The word for it; none for the one that carries no chat.
    pub fn of(carrier: Carrier) -> Option<Self> {
        match carrier {
            Carrier::Converse => Some(Self::Converse),
            Carrier::Invoke => Some(Self::Invoke),
            Carrier::OpenAi => Some(Self::Openai),
            Carrier::Anthropic => Some(Self::Anthropic),
            Carrier::Mantle => Some(Self::Mantle),
            Carrier::CountTokens => None,
        }
    }
}
