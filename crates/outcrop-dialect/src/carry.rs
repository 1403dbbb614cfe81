//! Which carrier takes a request to a model, and in which dialect.
//!
//! 1. A carrier that speaks the caller's dialect is taken before all others: relay.
//! 2. Else the model's first carrier with a dialect that can be translated to.
//! 3. `bedrock-mantle` has an identity, a quota and ids of its own: it is taken when it is asked for,
//!    or when nothing else reaches the model.
//! 4. A pinned carrier is taken or the request is refused; another is never taken instead.

use crate::cache::CachePoints;
use outcrop_model::{Card, Carrier, Catalog, Dialect, ErrorClass, Fault, Lane, Phase};

/// A model as a target of requests.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'d> {
    pub card: &'d Card,
    /// The id to ask for on `bedrock-runtime`.
    pub model: &'d str,
    /// The id to ask for on `bedrock-mantle`.
    pub mantle_model: &'d str,
    /// The carrier that the operator demands.
    pub pin: Option<Carrier>,
    /// The cache points that the operator wants.
    pub cache: Option<CachePoints>,
}

/// The way that a request takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen<'d> {
    pub lane: &'d Lane,
    pub dialect: Dialect,
    /// The model id as the carrier spells it.
    pub model: &'d str,
}

// === impl Destination ===

impl<'d> Destination<'d> {
    pub fn of(catalog: &'d Catalog, model: &'d str) -> Self {
        let (card, mantle_model) = (catalog.card(model), catalog.mantle_id(model));
        Self { card, model, mantle_model, pin: None, cache: None }
    }

    pub fn pinned(self, pin: Option<Carrier>) -> Self {
        Self { pin, ..self }
    }

    pub fn caching(self, cache: Option<CachePoints>) -> Self {
        Self { cache, ..self }
    }

    /// Chooses for a caller that speaks `dialect`.
    pub(crate) fn choose(&self, dialect: Dialect) -> Result<Chosen<'d>, Fault> {
        let lanes = &self.card.carriers;
        let elsewhere = |lane: &&Lane| lane.carrier != Carrier::Mantle;
        let only_mantle = !lanes.iter().any(|lane| elsewhere(&lane));
        let open = || {
            lanes.iter().filter(|lane| match self.pin {
                Some(pin) => lane.carrier == pin,
                None => only_mantle || elsewhere(lane),
            })
        };
        let same = open().find(|lane| lane.speaks.contains(&dialect)).map(|lane| (lane, dialect));
        let translated =
            || open().find_map(|lane| Some((lane, *lane.speaks.iter().find(|d| is_target(**d))?)));
        let (lane, dialect) = same.or_else(translated).ok_or_else(|| self.unreachable(dialect))?;
        let model = match lane.carrier {
            Carrier::Mantle => self.mantle_model,
            Carrier::Converse
            | Carrier::Invoke
            | Carrier::CountTokens
            | Carrier::OpenAi
            | Carrier::Anthropic => self.model,
        };
        Ok(Chosen { lane, dialect, model })
    }

    fn unreachable(&self, dialect: Dialect) -> Fault {
        let others: Vec<_> = self.card.carriers.iter().map(|lane| lane.carrier.as_str()).collect();
        let others = others.join(", ");
        let message = match self.pin {
            Some(pin) => format!(
                "This gateway is set to the carrier `{}`, which does not take this request to this model; known for it: {others}. Ask for another model, or ask the operator of the gateway for another carrier.",
                pin.as_str()
            ),
            None => format!(
                "This model takes no request that `{}` could be translated to; known for it: {others}.",
                dialect.as_str()
            ),
        };
        Fault::new(ErrorClass::Unsupported, Phase::BeforeSend, message).with_param("model")
    }
}

/// Whether requests can be written in a dialect, whatever dialect they came in.
fn is_target(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Anthropic | Dialect::Converse | Dialect::OpenAiChat => true,
        Dialect::OpenAiText
        | Dialect::KongChat
        | Dialect::Responses
        | Dialect::OpenAiEmbeddings
        | Dialect::OpenAiImages
        | Dialect::CohereRerank
        | Dialect::Native => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUDE: &str = "us.anthropic.claude-opus-4-8";
    const NOVA: &str = "amazon.nova-lite-v1:0";

    fn choose(model: &str, pin: Option<Carrier>, dialect: Dialect) -> Result<String, Fault> {
        let destination = Destination::of(Catalog::built_in(), model).pinned(pin);
        let Chosen { lane, dialect, model } = destination.choose(dialect)?;
        Ok(format!("{} {} {model}", lane.carrier.as_str(), dialect.as_str()))
    }

    #[test]
    fn rules_1_to_3() {
        let check = |model, pin, dialect, expected: &str| {
            assert_eq!(choose(model, pin, dialect).unwrap(), expected, "{pin:?} {dialect:?}");
        };
        check(CLAUDE, None, Dialect::Anthropic, &format!("invoke anthropic {CLAUDE}"));
        check(CLAUDE, None, Dialect::OpenAiChat, &format!("invoke anthropic {CLAUDE}"));
        check(NOVA, None, Dialect::Anthropic, &format!("converse converse {NOVA}"));
        for dialect in [Dialect::Anthropic, Dialect::OpenAiChat, Dialect::Responses] {
            let bare = "mantle anthropic anthropic.claude-opus-4-8";
            check(CLAUDE, Some(Carrier::Mantle), dialect, bare);
            let direct = format!("anthropic anthropic {CLAUDE}");
            check(CLAUDE, Some(Carrier::Anthropic), dialect, &direct);
            let converse = format!("converse converse {CLAUDE}");
            check(CLAUDE, Some(Carrier::Converse), dialect, &converse);
        }
    }

    #[test]
    fn rule_4_a_pin_is_never_stretched() {
        let fault = choose(NOVA, Some(Carrier::Mantle), Dialect::Anthropic).unwrap_err();
        assert_eq!(fault.class, ErrorClass::Unsupported);
        assert!(fault.message.contains("`mantle`") && fault.message.contains("converse"));
    }
}
