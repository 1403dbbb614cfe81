//! ARNs that do not say which model is behind them.

/// What such an ARN stands for.
///
/// Source: the pattern of `modelId` in the service model of `bedrock-runtime`, checked 2026-11-26.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    ApplicationProfile,
    Provisioned,
    Deployment,
    CustomModel,
    Imported,
    Prompt,
    Router,
}

const KINDS: [(&str, Kind); 8] = [
    ("application-inference-profile", Kind::ApplicationProfile),
    ("provisioned-model", Kind::Provisioned),
    ("custom-model-deployment", Kind::Deployment),
    ("custom-model", Kind::CustomModel),
    ("imported-model", Kind::Imported),
    ("prompt", Kind::Prompt),
    ("prompt-router", Kind::Router),
    ("default-prompt-router", Kind::Router),
];

/// The kind of an opaque ARN; `None` for any other id.
pub fn kind(id: &str) -> Option<Kind> {
    let (word, _) = resource(id)?.split_once('/')?;
    KINDS.into_iter().find(|(known, _)| *known == word).map(|(_, kind)| kind)
}

/// What opaque ARNs have in them before their last part, such as `:prompt/`.
pub fn opaque() -> impl Iterator<Item = String> {
    KINDS.into_iter().map(|(word, _)| format!(":{word}/"))
}

/// What an ARN names, without partition, region and account: `imported-model/ab12`.
pub fn resource(id: &str) -> Option<&str> {
    id.strip_prefix("arn:")?.splitn(5, ':').nth(4)
}

/// The region in an ARN; empty where it names none.
pub fn region(id: &str) -> Option<&str> {
    id.strip_prefix("arn:")?.split(':').nth(2)
}

/// An id as it may be shown: without the account that an ARN names.
pub fn shown(id: &str) -> &str {
    resource(id).unwrap_or(id)
}

/// The model in the ARN of a foundation model or system profile, as shortly as its place allows: the
/// profile's id, or the ARN with its region. Other ids stay as they are.
pub fn plain(id: &str) -> &str {
    resource(id).and_then(|resource| resource.strip_prefix("inference-profile/")).unwrap_or(id)
}

/// The foundation model that the ARN of a custom model names; imported ones name none.
pub fn base(id: &str) -> Option<&str> {
    let (base, _) = resource(id)?.strip_prefix("custom-model/")?.split_once('/')?;
    Some(base).filter(|base| base.split(':').next() != Some("imported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_arns_are_told_from_others() {
        let arn = |resource: &str| format!("arn:aws:bedrock:eu-west-1:111122223333:{resource}");
        for (resource, expected) in [
            ("application-inference-profile/ab12", Some(Kind::ApplicationProfile)),
            ("provisioned-model/ab12", Some(Kind::Provisioned)),
            ("custom-model-deployment/ab12", Some(Kind::Deployment)),
            ("custom-model/amazon.nova-lite-v1:0:300k/ab12", Some(Kind::CustomModel)),
            ("imported-model/ab12", Some(Kind::Imported)),
            ("prompt/ABCDEFGHIJ:2", Some(Kind::Prompt)),
            ("prompt-router/ab12", Some(Kind::Router)),
            ("default-prompt-router/anthropic.claude:1", Some(Kind::Router)),
            ("inference-profile/us.amazon.nova-lite-v1:0", None),
            ("something-new/x", None),
            ("", None),
        ] {
            assert_eq!(kind(&arn(resource)), expected, "{resource}");
            assert_eq!(shown(&arn(resource)), resource);
        }
        assert_eq!(kind("arn:"), None);
        assert_eq!(kind("custom-model/x/y"), None);
        assert_eq!(region(&arn("x")), Some("eu-west-1"));
        assert_eq!(
            base(&arn("custom-model/amazon.nova-lite-v1:0:300k/ab12")),
            Some("amazon.nova-lite-v1:0:300k")
        );
        assert_eq!(base(&arn("custom-model/imported/ab12")), None);
        assert_eq!(plain(&arn("inference-profile/us.a.b")), "us.a.b");
        assert_eq!(plain("a.b"), "a.b");
    }
}
