//! The dependency-edge check: who may know whom.
//!
//! Rules: (1) a crate links only crates of ours that [`ROWS`] names; (2) dev-dependencies follow
//! the same edges, except in crates that only test or measure; (3) the pure crates link nothing that
//! opens sockets, reads clocks or throws dice; (4) AWS SDK clients are test tools of `conformance`, and
//! `aws-config` belongs to `outcrop-aws`, as does STS's client, which is below it anyway.
//! Only direct dependencies are looked at: an edge through a third crate is that crate's own row.

use anyhow::{Result, bail};

use crate::workspace::{Dependency, Kind, Package, Workspace};

/// One crate and what it may link.
struct Row {
    name: &'static str,
    role: Role,
    /// Crates of ours that it may link.
    may: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// No sockets, clock, randomness or async runtime.
    Pure,
    Product,
    /// Tests or measures: may link any crate of ours, nobody links it.
    Bench,
}

const fn row(name: &'static str, role: Role, may: &'static [&'static str]) -> Row {
    Row { name, role, may }
}

const ROWS: &[Row] = &[
    row("outcrop-model", Role::Pure, &[]),
    row("outcrop-dialect", Role::Pure, &["outcrop-model"]),
    row("outcrop-config", Role::Pure, &["outcrop-model"]),
    row("outcrop-aws", Role::Product, &["outcrop-model"]),
    row("outcrop-fetch", Role::Product, &[]),
    row(
        "outcrop-core",
        Role::Product,
        &["outcrop-model", "outcrop-dialect", "outcrop-config", "outcrop-aws", "outcrop-fetch"],
    ),
    row(
        "outcrop-server",
        Role::Product,
        &["outcrop-model", "outcrop-dialect", "outcrop-config", "outcrop-aws", "outcrop-core"],
    ),
    row("outcrop-kube", Role::Product, &["outcrop-model", "outcrop-config"]),
    row("outcrop-emulator", Role::Product, &[]),
    row(
        "outcrop",
        Role::Product,
        &[
            "outcrop-model",
            "outcrop-dialect",
            "outcrop-config",
            "outcrop-aws",
            "outcrop-fetch",
            "outcrop-core",
            "outcrop-server",
            "outcrop-kube",
            "outcrop-emulator",
        ],
    ),
    row("xtask", Role::Product, &[]),
    row("acceptance", Role::Bench, &[]),
    row("conformance", Role::Bench, &[]),
    row("benches", Role::Bench, &[]),
    row("fuzz", Role::Bench, &[]),
];

/// What a pure crate may not link.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "chrono",
    "fastrand",
    "futures-util",
    "getrandom",
    "h2",
    "hyper",
    "hyper-rustls",
    "hyper-util",
    "jiff",
    "mio",
    "rand",
    "reqwest",
    "rustls",
    "socket2",
    "time",
    "tokio",
    "tokio-rustls",
    "tokio-util",
    "uuid",
];

/// The step: prints every violation, fails when there is one.
pub(crate) fn check(workspace: &Workspace, _: &[String]) -> Result<()> {
    let violations = violations(&workspace.packages);
    for violation in &violations {
        eprintln!("  {violation}");
    }
    if !violations.is_empty() {
        bail!("{} dependency edges break the rules of xtask/src/edges.rs", violations.len());
    }
    println!("{} crates, every edge allowed", workspace.packages.len());
    Ok(())
}

fn violations(packages: &[Package]) -> Vec<String> {
    packages.iter().flat_map(package_violations).collect()
}

fn package_violations(package: &Package) -> Vec<String> {
    let Some(row) = ROWS.iter().find(|row| row.name == package.name) else {
        return vec![format!("{}: not in the table of edges; add its row", package.name)];
    };
    package
        .dependencies
        .iter()
        .filter_map(|dependency| {
            let rule = broken_rule(row, dependency)?;
            Some(format!("{} → {}{}: {rule}", row.name, dependency.name, suffix(dependency.kind)))
        })
        .collect()
}

fn broken_rule(row: &Row, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    if dependency.ours {
        return broken_edge(row, name);
    }
    if name == "aws-config" && row.name != "outcrop-aws" {
        return Some("only outcrop-aws reads AWS credentials".to_owned());
    }
    let sdk = name.starts_with("aws-sdk-");
    let is_credentials = row.name == "outcrop-aws" && name == "aws-sdk-sts";
    if sdk && !is_credentials && !(row.name == "conformance" && dependency.kind == Kind::Dev) {
        return Some("AWS SDK clients are dev-dependencies of conformance only".to_owned());
    }
    let impure = row.role == Role::Pure && dependency.kind != Kind::Dev && IMPURE.contains(&name);
    impure.then(|| format!("{} is pure: no runtime, sockets, clock or randomness", row.name))
}

fn broken_edge(row: &Row, name: &str) -> Option<String> {
    let target = ROWS.iter().find(|target| target.name == name);
    if target.is_some_and(|target| target.role == Role::Bench || target.name == "xtask") {
        return Some(format!("nothing links {name}"));
    }
    if row.role == Role::Bench || row.may.contains(&name) {
        return None;
    }
    Some(match row.may {
        [] => format!("{} links no crate of ours", row.name),
        may => format!("{} may link only {}", row.name, may.join(", ")),
    })
}

fn suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Normal => "",
        Kind::Build => " (build)",
        Kind::Dev => " (dev)",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// One package with dependencies written `name`, `dev:name` or `build:name`; ours begin with `outcrop`.
    fn check(package: &str, dependencies: &[&str]) -> Vec<String> {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|written| {
                let (kind, name) = written
                    .split_once(':')
                    .map_or((None, *written), |(kind, name)| (Some(kind), name));
                let ours = name.starts_with("outcrop") || ["acceptance", "xtask"].contains(&name);
                json!({"name": name, "kind": kind, "path": ours.then_some("somewhere")})
            })
            .collect();
        let metadata = json!({
            "workspace_root": "root", "target_directory": "target",
            "packages": [{"name": package, "dependencies": dependencies}],
        });
        violations(&Workspace::parse(metadata.to_string().as_bytes()).unwrap().packages)
    }

    #[test]
    fn the_design_is_allowed() {
        assert!(check("outcrop-dialect", &["outcrop-model", "serde_json"]).is_empty());
        assert!(
            check(
                "outcrop-core",
                &["outcrop-aws", "outcrop-dialect", "tokio", "dev:outcrop-model"]
            )
            .is_empty()
        );
        assert!(check("outcrop-server", &["outcrop-core"]).is_empty());
        assert!(check("outcrop-core", &["outcrop-fetch"]).is_empty());
        assert!(check("outcrop-kube", &["outcrop-config"]).is_empty());
        assert!(check("outcrop", &["outcrop-server", "outcrop-emulator"]).is_empty());
        assert!(check("acceptance", &["dev:outcrop-server", "dev:outcrop-emulator"]).is_empty());
        assert!(
            check("conformance", &["dev:outcrop-emulator", "dev:aws-sdk-bedrockruntime"])
                .is_empty()
        );
        assert!(check("outcrop-model", &["dev:tokio"]).is_empty());
    }

    #[test]
    fn edges_point_one_way() {
        let found = check("outcrop-model", &["outcrop-dialect"]);
        assert_eq!(
            found,
            ["outcrop-model → outcrop-dialect: outcrop-model links no crate of ours"]
        );
        let found = check("outcrop-dialect", &["build:outcrop-aws"]);
        assert_eq!(
            found,
            ["outcrop-dialect → outcrop-aws (build): outcrop-dialect may link only outcrop-model"]
        );
        assert_eq!(check("outcrop-aws", &["outcrop-config", "outcrop-dialect"]).len(), 2);
        assert_eq!(check("outcrop-core", &["outcrop-server"]).len(), 1);
        assert_eq!(check("outcrop-fetch", &["outcrop-dialect", "outcrop-aws"]).len(), 2);
        assert_eq!(check("outcrop-kube", &["outcrop-core"]).len(), 1);
        assert_eq!(check("outcrop-server", &["outcrop-emulator"]).len(), 1);
        assert_eq!(check("xtask", &["outcrop-model"]).len(), 1);
    }

    #[test]
    fn the_emulator_shares_nothing_with_the_gateway() {
        for ours in ["outcrop-model", "outcrop-dialect", "outcrop-core", "dev:outcrop-dialect"] {
            let found = check("outcrop-emulator", &[ours]);
            assert_eq!(found.len(), 1, "{ours}");
            assert!(found[0].ends_with("outcrop-emulator links no crate of ours"));
        }
    }

    #[test]
    fn dev_dependencies_follow_the_same_edges() {
        let found = check("outcrop-server", &["dev:outcrop-emulator"]);
        assert!(found[0].starts_with("outcrop-server → outcrop-emulator (dev): "), "{found:?}");
    }

    #[test]
    fn nobody_links_a_test_crate() {
        assert_eq!(
            check("outcrop-core", &["dev:acceptance"]),
            ["outcrop-core → acceptance (dev): nothing links acceptance"]
        );
        assert_eq!(check("benches", &["xtask"]).len(), 1);
    }

    #[test]
    fn pure_crates_stay_pure() {
        for impure in ["tokio", "hyper", "uuid", "build:fastrand"] {
            assert_eq!(check("outcrop-dialect", &[impure]).len(), 1, "{impure}");
        }
        assert!(check("outcrop-aws", &["tokio"]).is_empty());
    }

    #[test]
    fn aws_sdk_clients_stay_in_conformance() {
        assert_eq!(check("outcrop-aws", &["aws-sdk-bedrockruntime"]).len(), 1);
        assert_eq!(check("conformance", &["aws-sdk-bedrockruntime"]).len(), 1);
        assert_eq!(check("acceptance", &["dev:aws-config"]).len(), 1);
        assert!(check("outcrop-aws", &["aws-config"]).is_empty());
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        assert_eq!(
            check("outcrop-surprise", &[]),
            ["outcrop-surprise: not in the table of edges; add its row"]
        );
    }
}
