//! From the id in a path to a model: ids, profiles and ARNs (protocol facts 6.1).

use super::{Catalog, Kind, Lifecycle, Model};
use crate::refusal::{Exception, Refusal};

/// Geographic prefixes with the starts of the regions they may be called from.
const PREFIXES: &[(&str, &[&str])] = &[
    ("us-gov", &["us-gov-"]),
    ("us", &["us-", "ca-"]),
    ("eu", &["eu-", "il-"]),
    ("apac", &["ap-"]),
    ("jp", &["ap-northeast-"]),
    ("au", &["ap-southeast-"]),
    ("in", &["ap-south-"]),
    ("global", &[""]),
];

/// A model, and the profile it was reached through.
#[derive(Debug, Clone)]
pub(crate) struct Target<'a> {
    pub(crate) model: &'a Model,
    /// `None` when it was called on demand by its own id.
    pub(crate) profile: Option<String>,
}

impl Catalog {
    /// The model that `id` names for a count of tokens, which unlike an invocation takes the bare id of
    /// a model that is served through profiles only.
    pub(crate) fn resolve_for_count(
        &self,
        id: &str,
        region: Option<&str>,
    ) -> Result<Target<'_>, Refusal> {
        match self.model(id) {
            Some(model) if model.lifecycle != Lifecycle::Eol => Ok(Target { model, profile: None }),
            Some(_) | None => self.resolve(id, region),
        }
    }

    /// What `id` stands for when called from `region` (any region when `None`).
    pub(crate) fn resolve(&self, id: &str, region: Option<&str>) -> Result<Target<'_>, Refusal> {
        let target = match id.strip_prefix("arn:") {
            Some(rest) => self.resolve_arn(id, rest, region)?,
            None => self.resolve_id(id, region)?,
        };
        if target.model.lifecycle == Lifecycle::Eol {
            return Err(Refusal::new(
                Exception::ResourceNotFound,
                "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
            ));
        }
        if target.profile.is_none() && !target.model.on_demand {
            return Err(Refusal::validation(format!(
                "Invocation of model ID {id} with on-demand throughput isn\u{2019}t supported. Retry your request with the ID or ARN of an inference profile that contains this model."
            )));
        }
        Ok(target)
    }

    fn resolve_id(&self, id: &str, region: Option<&str>) -> Result<Target<'_>, Refusal> {
        if let Some(model) = self.model(id) {
            return Ok(Target { model, profile: None });
        }
        if let Some(target) = self.resolve_profile(id, region)? {
            return Ok(target);
        }
        let provider = id.split('.').next().unwrap_or_default();
        let known = self.models().iter().any(|model| model.id.split('.').next() == Some(provider));
        Err(if known && id.len() > provider.len() + 1 { unresolved() } else { invalid() })
    }

    /// A system-defined profile id such as `us.anthropic.claude-…`; `None` when it is not one.
    fn resolve_profile(
        &self,
        id: &str,
        region: Option<&str>,
    ) -> Result<Option<Target<'_>>, Refusal> {
        let found = PREFIXES.iter().find_map(|(prefix, regions)| {
            let base = id.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((*prefix, *regions, base))
        });
        let Some((prefix, regions, base)) = found else {
            return Ok(None);
        };
        let model = self.model(base).ok_or_else(invalid)?;
        let here =
            region.is_none_or(|region| regions.iter().any(|start| region.starts_with(start)));
        if !here || !model.profiles.iter().any(|offered| offered == prefix) {
            return Err(invalid());
        }
        Ok(Some(Target { model, profile: Some(id.to_owned()) }))
    }

    /// `partition:bedrock:region:account:kind/name`.
    fn resolve_arn(
        &self,
        arn: &str,
        rest: &str,
        region: Option<&str>,
    ) -> Result<Target<'_>, Refusal> {
        let fields: Vec<&str> = rest.splitn(5, ':').collect();
        let [partition, "bedrock", at, _account, resource] = fields.as_slice() else {
            return Err(invalid());
        };
        let elsewhere = region.is_some_and(|region| region != *at);
        if !partition.starts_with("aws") || elsewhere {
            return Err(invalid());
        }
        let Some((kind, name)) = resource.split_once('/') else {
            return Err(invalid());
        };
        match kind {
            "foundation-model" => {
                let model = self.model(name).ok_or_else(unresolved)?;
                Ok(Target { model, profile: None })
            }
            "inference-profile" => self.resolve_profile(name, region)?.ok_or_else(unresolved),
            word => match Kind::named(word) {
                Some(kind) => self.resolve_owned(arn, kind, at),
                None => Err(unresolved()),
            },
        }
    }

    fn resolve_owned(&self, arn: &str, kind: Kind, at: &str) -> Result<Target<'_>, Refusal> {
        let owned =
            self.owned(kind).find(|owned| owned.is_named(arn, at)).ok_or_else(unresolved)?;
        // What is built in exists in every region, so its own prefix is not held against one.
        let region = Some(at).filter(|_| owned.arn.is_some());
        let mut target = self.resolve_id(&owned.model, region)?;
        target.profile = Some(arn.to_owned());
        Ok(target)
    }
}

fn invalid() -> Refusal {
    Refusal::validation("The provided model identifier is invalid.")
}

fn unresolved() -> Refusal {
    Refusal::plain(Exception::ResourceNotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn check(id: &str, region: Option<&str>) -> Result<String, u16> {
        let catalog = Catalog::load(&Config::default()).unwrap();
        match catalog.resolve(id, region) {
            Ok(target) => Ok(target.model.id.clone()),
            Err(refusal) => Err(refusal.status),
        }
    }

    const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

    #[test]
    fn profile_only_models_need_a_profile() {
        assert_eq!(check(SONNET, None), Err(400));
        assert_eq!(check(&format!("us.{SONNET}"), Some("us-west-2")).unwrap(), SONNET);
        assert_eq!(check(&format!("global.{SONNET}"), Some("sa-east-1")).unwrap(), SONNET);
        assert_eq!(check(&format!("us.{SONNET}"), Some("eu-west-1")), Err(400));
        assert_eq!(check(&format!("apac.{SONNET}"), None), Err(400));
    }

    #[test]
    fn arns_name_models_and_profiles() {
        let arn = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{SONNET}");
        assert_eq!(check(&arn, Some("us-east-1")).unwrap(), SONNET);
        assert_eq!(check(&arn, Some("us-west-2")), Err(400));
        let arn =
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6";
        assert_eq!(check(arn, Some("us-east-1")).unwrap(), SONNET);
        let arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0";
        assert_eq!(check(arn, None).unwrap(), "amazon.nova-micro-v1:0");
    }

    #[test]
    fn unknown_and_ended_models_are_refused() {
        assert_eq!(check("nonsense", None), Err(400));
        assert_eq!(check("anthropic.claude-nope", None), Err(404));
        assert_eq!(check("anthropic.claude-v2:1", None), Err(404));
    }
}
