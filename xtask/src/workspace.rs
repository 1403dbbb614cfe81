//! What `cargo metadata` says about the workspace.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run;

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether it is a path dependency, that is, a crate of this workspace.
    pub(crate) ours: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

// === impl Workspace ===

impl Workspace {
    /// Asks cargo, without a network.
    pub(crate) fn load() -> Result<Self> {
        let mut command = run::cargo_command();
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        Self::parse(&run::output(&mut command)?)
    }

    /// Reads the answer of `cargo metadata --no-deps`.
    pub(crate) fn parse(metadata: &[u8]) -> Result<Self> {
        let metadata: Value =
            serde_json::from_slice(metadata).context("cargo metadata is not JSON")?;
        let packages = list(&metadata, "packages")?.iter().map(package).collect::<Result<_>>()?;
        Ok(Self {
            root: text(&metadata, "workspace_root")?.into(),
            target: text(&metadata, "target_directory")?.into(),
            packages,
        })
    }
}

fn package(value: &Value) -> Result<Package> {
    let dependencies =
        list(value, "dependencies")?.iter().map(dependency).collect::<Result<_>>()?;
    Ok(Package { name: text(value, "name")?.to_owned(), dependencies })
}

fn dependency(value: &Value) -> Result<Dependency> {
    let kind = match value.get("kind").and_then(Value::as_str) {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    };
    let ours = value.get("path").is_some_and(Value::is_string);
    Ok(Dependency { name: text(value, "name")?.to_owned(), kind, ours })
}

fn list<'a>(value: &'a Value, member: &str) -> Result<&'a Vec<Value>> {
    value
        .get(member)
        .and_then(Value::as_array)
        .with_context(|| format!("cargo metadata has no list `{member}`"))
}

fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str> {
    value
        .get(member)
        .and_then(Value::as_str)
        .with_context(|| format!("cargo metadata has no text `{member}`"))
}
