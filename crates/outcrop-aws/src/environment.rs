//! What the operator set outside of the flags: variables, and the profile of the shared files.
//!
//! 1. A variable that is set decides before the profile; an empty one counts as unset.
//! 2. The files are AWS's own, read by `aws-config`'s parser; one that is malformed is an error that
//!    names file and line, whoever the gateway's credentials come from.
//! 3. A switch says `true` or `false` in any case. Another word is refused: to serve without FIPS
//!    because somebody wrote `yes` would be a silent loss.

use std::borrow::Cow;
use std::path::PathBuf;

use aws_config::profile::{self, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::property::PropertiesKey;
use aws_types::os_shim_internal::{Env, Fs};

use crate::identity::story;
use crate::setup::{Lookup, SetupError, read};

const PROFILE: &str = "AWS_PROFILE";
const CONFIG_FILE: &str = "AWS_CONFIG_FILE";
const CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
const DEFAULT_PROFILE: &str = "default";
const SERVICES: &str = "services";
/// Named as the origin of a setting.
const THE_PROFILE: &str = "the AWS profile";

/// Variables and profile.
pub struct Environment<'a> {
    lookup: Lookup<'a>,
    profile: ProfileSet,
    files: SharedFiles,
}

/// Where the shared files are, and which profile is meant.
#[derive(Debug, Clone)]
pub(crate) struct SharedFiles {
    files: Vec<(EnvConfigFileKind, PathBuf)>,
    /// The name of the profile, `default` unless somebody named one.
    pub(crate) profile: String,
    pub(crate) is_named: bool,
}

// === impl Environment ===

impl<'a> Environment<'a> {
    /// Reads the shared files; `profile` is that of the flag, else `AWS_PROFILE` names it.
    ///
    /// # Errors
    /// When a file is malformed.
    pub async fn new(profile: Option<&str>, lookup: Lookup<'a>) -> Result<Self, SetupError> {
        let files = SharedFiles::new(profile, lookup);
        let profile = files.load().await.map_err(SetupError::BadSharedFile)?;
        Ok(Self { lookup, profile, files })
    }

    pub(crate) fn lookup(&self) -> Lookup<'a> {
        self.lookup
    }

    pub(crate) fn files(&self) -> &SharedFiles {
        &self.files
    }

    /// The first of `variables` that is set, else the profile's `key`; and where that is.
    pub(crate) fn value(
        &self,
        variables: &[&'static str],
        key: &str,
    ) -> Option<(String, &'static str)> {
        variables
            .iter()
            .find_map(|name| Some((read(self.lookup, name)?, *name)))
            .or_else(|| Some((written(self.profile.get(key)?)?, THE_PROFILE)))
    }

    /// Where a switch is on, if it is.
    pub(crate) fn switch(
        &self,
        variable: &'static str,
        key: &str,
    ) -> Result<Option<&'static str>, SetupError> {
        let Some((value, origin)) = self.value(&[variable], key) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(origin)),
            "false" => Ok(None),
            _ => Err(SetupError::BadSwitch { name: variable, value, origin }),
        }
    }

    /// `endpoint_url` of `service` in the `services` section that the profile names, else the profile's own.
    pub(crate) fn profile_endpoint(
        &self,
        service: &str,
    ) -> Result<Option<(String, &'static str)>, SetupError> {
        const KEY: &str = "endpoint_url";
        if let Some(section) = self.profile.get(SERVICES).and_then(written) {
            if !self.files.have_services(&section) {
                return Err(SetupError::MissingServices { section });
            }
            let key = PropertiesKey::builder()
                .section_key(SERVICES)
                .section_name(&section)
                .property_name(service.replace('-', "_"))
                .sub_property_name(KEY)
                .build();
            let url = key.ok().and_then(|key| written(self.profile.other_sections().get(&key)?));
            if let Some(url) = url {
                return Ok(Some((url, "the services section of the AWS profile")));
            }
        }
        Ok(self.profile.get(KEY).and_then(written).map(|url| (url, THE_PROFILE)))
    }
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("files", &self.files).finish_non_exhaustive()
    }
}

// === impl SharedFiles ===

impl SharedFiles {
    fn new(profile: Option<&str>, lookup: Lookup<'_>) -> Self {
        let mut files = Vec::new();
        let places = [
            (EnvConfigFileKind::Config, CONFIG_FILE, "config"),
            (EnvConfigFileKind::Credentials, CREDENTIALS_FILE, "credentials"),
        ];
        for (kind, variable, default) in places {
            if let Some(path) =
                read(lookup, variable).map(PathBuf::from).or_else(|| home(lookup, default))
            {
                files.push((kind, path));
            }
        }
        let name = profile.map(str::to_owned).or_else(|| read(lookup, PROFILE));
        Self {
            files,
            is_named: name.is_some(),
            profile: name.unwrap_or_else(|| DEFAULT_PROFILE.to_owned()),
        }
    }

    /// The files that are there now; `aws-config` insists on at least one, and none may be.
    pub(crate) fn existing(&self) -> EnvConfigFiles {
        let mut builder = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "");
        for (kind, path) in self.files.iter().filter(|(_, path)| path.is_file()) {
            builder = builder.with_file(*kind, path);
        }
        builder.build()
    }

    /// What they hold now, with this profile selected; or what is wrong, in one line that names a place.
    pub(crate) async fn load(&self) -> Result<ProfileSet, String> {
        let profile = Some(Cow::Owned(self.profile.clone()));
        profile::load(&Fs::real(), &Env::real(), &self.existing(), profile)
            .await
            .map_err(|error| story(&error))
    }

    /// Whether there is a `[services SECTION]`, which the parser does not tell.
    fn have_services(&self, section: &str) -> bool {
        let is_it = |line: &str| {
            let header = line.trim().strip_prefix('[').and_then(|line| line.split_once(']'));
            header.is_some_and(|(header, _)| header.split_whitespace().eq([SERVICES, section]))
        };
        self.files.iter().any(|(_, path)| {
            std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(is_it))
        })
    }
}

// === helpers ===

/// An empty value counts as unset.
fn written(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// `~/.aws/NAME`.
fn home(lookup: Lookup<'_>, name: &str) -> Option<PathBuf> {
    let home = read(lookup, "HOME").or_else(|| read(lookup, "USERPROFILE"))?;
    Some(PathBuf::from(home).join(".aws").join(name))
}
