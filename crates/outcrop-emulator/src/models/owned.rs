//! What an account owns besides foundation models and can call by an ARN (protocol facts 6.1).

use serde::Deserialize;

use crate::config::EXAMPLE_ACCOUNT;

/// One such thing.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Owned {
    pub(crate) kind: Kind,
    /// The last segment of the ARN.
    pub(crate) id: String,
    pub(crate) name: String,
    /// Set for what the configuration gave; the built-in exists in every region.
    #[serde(skip)]
    pub(crate) arn: Option<String>,
    /// The model or system profile behind it.
    pub(crate) model: String,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    ApplicationInferenceProfile,
    ProvisionedModel,
    CustomModelDeployment,
    ImportedModel,
    Prompt,
    PromptRouter,
    DefaultPromptRouter,
}

// === impl Owned ===

impl Owned {
    /// What the configuration says of an ARN; `None` when it is none of an owned thing.
    pub(crate) fn given(arn: &str, model: &str) -> Option<Self> {
        let resource = arn.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
        let (word, id) = resource.split_once('/')?;
        Some(Self {
            kind: Kind::named(word)?,
            id: id.to_owned(),
            name: id.to_owned(),
            arn: Some(arn.to_owned()),
            model: model.to_owned(),
        })
    }

    /// Its ARN, seen from `region`.
    pub(crate) fn arn(&self, region: &str) -> String {
        let of_example = || {
            let (word, id) = (self.kind.word(), &self.id);
            format!("arn:aws:bedrock:{region}:{EXAMPLE_ACCOUNT}:{word}/{id}")
        };
        self.arn.clone().unwrap_or_else(of_example)
    }

    /// The custom model behind a deployment: its ARN names the base.
    pub(crate) fn custom_model(&self, region: &str) -> String {
        let Self { model, id, .. } = self;
        format!("arn:aws:bedrock:{region}:{EXAMPLE_ACCOUNT}:custom-model/{model}/{id}")
    }

    /// Whether `id` is its ARN or its id; of a prompt also with a version behind it.
    pub(crate) fn is_named(&self, id: &str, region: &str) -> bool {
        let arn = self.arn(region);
        let versioned = |id: &str| {
            let (prompt, version) = id.rsplit_once(':')?;
            let is_version = version.bytes().all(|byte| byte.is_ascii_digit());
            (is_version && prompt == arn).then_some(())
        };
        id == arn || id == self.id || (self.kind == Kind::Prompt && versioned(id).is_some())
    }
}

// === impl Kind ===

impl Kind {
    const ALL: [Self; 7] = [
        Self::ApplicationInferenceProfile,
        Self::ProvisionedModel,
        Self::CustomModelDeployment,
        Self::ImportedModel,
        Self::Prompt,
        Self::PromptRouter,
        Self::DefaultPromptRouter,
    ];

    /// The kind by its word in an ARN.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word in an ARN.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::ApplicationInferenceProfile => "application-inference-profile",
            Self::ProvisionedModel => "provisioned-model",
            Self::CustomModelDeployment => "custom-model-deployment",
            Self::ImportedModel => "imported-model",
            Self::Prompt => "prompt",
            Self::PromptRouter => "prompt-router",
            Self::DefaultPromptRouter => "default-prompt-router",
        }
    }
}
