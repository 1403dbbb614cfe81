//! What a caller may do.

use std::sync::Arc;

use outcrop_config::{Scopes, SurfaceWord};
use outcrop_dialect::bundle::Specialty;
use outcrop_model::{Caller, ErrorClass, Fault, Phase};

use super::crypto::sha256;
use crate::inbound::Operation;
use crate::pattern::wildcard;

/// Who asks, and what they may ask for. The default is anyone, for anything.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    pub caller: Option<Arc<Caller>>,
    id: CallerId,
    /// Of a token's caller.
    limited_as: Option<Arc<str>>,
    scopes: Arc<Scopes>,
}

/// Tells callers apart, for as long as they keep their name: a key that is rotated is the same caller. The
/// default is whoever comes in without a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallerId([u8; 32]);

// === impl Grant ===

impl Grant {
    pub fn new(caller: Caller, scopes: Scopes) -> Self {
        let id = CallerId::of(["key", "", &caller.name]);
        Self { caller: Some(Arc::new(caller)), id, limited_as: None, scopes: Arc::new(scopes) }
    }

    /// Whom `issuer` calls `subject`: another issuer, or a key, may have somebody of the same name.
    pub(super) fn issued(self, issuer: &str, subject: &str) -> Self {
        let name = self.caller.as_ref().map(|caller| format!("{issuer}#{}", caller.name).into());
        Self { id: CallerId::of(["issuer", issuer, subject]), limited_as: name, ..self }
    }

    /// The name by which limits know the caller: the key's, and for a token `ISSUER#NAME`, which no key of
    /// that name and no other issuer has. An issuer's address has no `#`.
    pub fn limited_as(&self) -> Option<&str> {
        let of_key = || self.caller.as_ref().map(|caller| &*caller.name);
        self.limited_as.as_deref().or_else(of_key)
    }

    pub fn caller_id(&self) -> CallerId {
        self.id
    }

    /// # Errors
    /// `OutOfScope` when the key is not for this surface.
    pub fn check_surface(&self, surface: SurfaceWord) -> Result<(), Fault> {
        let surfaces = &self.scopes.surfaces;
        // Whoever may send a message may count its tokens.
        let is_counting = surface == SurfaceWord::CountMessages;
        let has = |surface| surfaces.contains(&surface);
        match surfaces.is_empty() || has(surface) || (is_counting && has(SurfaceWord::Messages)) {
            true => Ok(()),
            false => Err(out_of_scope("this path")),
        }
    }

    /// # Errors
    /// `OutOfScope` when the key is not for this route.
    pub fn check_route(&self, route: &str) -> Result<(), Fault> {
        let routes = &self.scopes.routes;
        match routes.is_empty() || routes.iter().any(|one| one == route) {
            true => Ok(()),
            false => Err(out_of_scope("this route")),
        }
    }

    /// A model by the name that the caller wrote, and by the id that is called for it.
    ///
    /// # Errors
    /// `OutOfScope` when the key is for neither.
    pub fn check_model(&self, named: &str, target: &str) -> Result<(), Fault> {
        match self.allows_model(named) || self.allows_model(target) {
            true => Ok(()),
            false => {
                let models = "this model. GET /v1/models lists those that it is for";
                Err(out_of_scope(models).with_param("model"))
            }
        }
    }

    /// Whether one of the key's patterns fits. An ARN that only spells out an id counts as that id too.
    pub fn allows_model(&self, id: &str) -> bool {
        let fits = |id: &str| self.scopes.models.iter().any(|pattern| wildcard(pattern, id));
        self.scopes.models.is_empty() || fits(id) || spelt_out(id).is_some_and(fits)
    }
}

/// The surface that an operation belongs to.
pub fn surface_of(operation: &Operation) -> SurfaceWord {
    match operation {
        Operation::ChatCompletions => SurfaceWord::ChatCompletions,
        Operation::Completions => SurfaceWord::Completions,
        Operation::Responses | Operation::CountResponses => SurfaceWord::Responses,
        Operation::Messages => SurfaceWord::Messages,
        Operation::CountMessages => SurfaceWord::CountMessages,
        Operation::KongChat => SurfaceWord::KongChat,
        Operation::Special(Specialty::Embeddings) => SurfaceWord::Embeddings,
        Operation::Special(Specialty::Images) => SurfaceWord::Images,
        Operation::Special(Specialty::Rerank { .. }) => SurfaceWord::Rerank,
        Operation::Bedrock { .. } | Operation::Aside(_) => SurfaceWord::Bedrock,
    }
}

fn out_of_scope(what: &str) -> Fault {
    let message = format!("This key is not for {what}. Ask the operator of the gateway.");
    Fault::new(ErrorClass::OutOfScope, Phase::BeforeSend, message)
}

/// The id at the end of `arn:aws:bedrock:{region}:{account}:foundation-model/{id}` and of such ARNs of
/// inference profiles. Other ARNs have names of their own.
fn spelt_out(arn: &str) -> Option<&str> {
    let kinds = [":foundation-model/", ":inference-profile/"];
    let (place, id) = kinds.iter().find_map(|kind| arn.split_once(kind))?;
    let is_place = place.starts_with("arn:") && place.split(':').count() == 5;
    (is_place && !id.contains('/')).then_some(id)
}

// === impl CallerId ===

impl CallerId {
    fn of(words: [&str; 3]) -> Self {
        let mut text = Vec::new();
        for word in words {
            // With its length, so that no two lists of words look the same.
            text.extend_from_slice(&(word.len() as u64).to_be_bytes());
            text.extend_from_slice(word.as_bytes());
        }
        Self(sha256(&text))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_allowed_by_name_or_by_target() {
        let caller = Caller::named("k");
        let models = vec!["fast".to_owned(), "*.nova-*".to_owned()];
        let grant = Grant::new(caller, Scopes { models, ..Scopes::default() });
        assert!(grant.check_model("fast", "a.b").is_ok());
        assert!(grant.check_model("x", "amazon.nova-lite-v1:0").is_ok());
        let fault = grant.check_model("slow", "a.b").unwrap_err();
        assert_eq!(fault.class, ErrorClass::OutOfScope);
        assert!(Grant::default().check_model("slow", "a.b").is_ok());
        let arn = |kind: &str| format!("arn:aws:bedrock:us-east-1:111122223333:{kind}/us.nova-x");
        assert!(grant.allows_model(&arn("inference-profile")));
        let exact = Scopes { models: vec!["us.nova-x".to_owned()], ..Scopes::default() };
        let exact = Grant::new(Caller::named("k"), exact);
        assert!(exact.allows_model(&arn("inference-profile")));
        assert!(!exact.allows_model(&arn("application-inference-profile")));
        assert!(!exact.allows_model(&arn("imported-model/a:foundation-model")));
    }

    #[test]
    fn a_caller_is_who_gave_the_name_and_the_name() {
        let key = |name: &str| Grant::new(Caller::named(name), Scopes::default());
        assert_eq!(key("a").caller_id(), key("a").caller_id());
        let others = [
            key("b"),
            key("a").issued("https://x", "a"),
            key("a").issued("https://y", "a"),
            key("b").issued("https://x", "b"),
            Grant::default(),
        ];
        let mut seen = vec![key("a").caller_id()];
        for other in others {
            assert!(!seen.contains(&other.caller_id()), "{other:?}");
            seen.push(other.caller_id());
        }
        let of_x = |subject| key("a").issued("https://x", subject);
        // Whom limits count together: a claim may name many.
        assert_eq!(of_x("1").limited_as(), of_x("2").limited_as());
        let names = [key("a"), of_x("1"), key("a").issued("https://y", "1"), Grant::default()];
        let names = names.each_ref().map(Grant::limited_as);
        assert_eq!(names, [Some("a"), Some("https://x#a"), Some("https://y#a"), None]);
    }
}
