//! The clean-tree check: no file names a directory of somebody's machine or a package registry's host.
//!
//! Lock files name registries only as far as cargo writes them itself; a `package-lock.json` names none.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::run;
use crate::workspace::Workspace;

/// Directories that exist on one machine only. Split, so that this file passes its own check.
const DIRECTORIES: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Hosts that packages are downloaded from.
const HOSTS: &[&str] = &[
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("files.python", "hosted.org"),
    concat!("pypi.org/", "simple"),
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("proxy.go", "lang.org"),
    concat!("/arti", "factory/"),
];

/// The step: prints every finding, fails when there is one.
pub(crate) fn check(workspace: &Workspace, _: &[String]) -> Result<()> {
    let files = files(&workspace.root)?;
    let mut findings = 0;
    for file in &files {
        // A listed file that cannot be read is one that was deleted and not yet staged.
        let Ok(bytes) = std::fs::read(workspace.root.join(file)) else { continue };
        for (line, found) in named(file, &String::from_utf8_lossy(&bytes)) {
            eprintln!("  {file}:{line}: names `{found}`");
            findings += 1;
        }
    }
    if findings > 0 {
        bail!("{findings} lines name a machine's directory or a registry's host");
    }
    println!("{} files, none names a machine's directory or a registry's host", files.len());
    Ok(())
}

/// Tracked files and new ones that are not ignored.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = run::output(&mut git)?;
    let listed = String::from_utf8_lossy(&listed);
    Ok(listed.split('\0').filter(|file| !file.is_empty()).map(str::to_owned).collect())
}

fn named(file: &str, text: &str) -> Vec<(usize, &'static str)> {
    let lines = text.lines().zip(1..);
    let mut found: Vec<_> =
        lines.filter_map(|(line, number)| Some((number, named_in_line(line)?))).collect();
    if file.ends_with("package-lock.json") {
        let resolved =
            text.lines().zip(1..).filter(|(line, _)| line.contains("\"resolved\": \"http"));
        found.extend(resolved.map(|(_, number)| (number, "resolved")));
    }
    found
}

fn named_in_line(line: &str) -> Option<&'static str> {
    let host = HOSTS.iter().find(|host| line.contains(**host));
    host.or_else(|| DIRECTORIES.iter().find(|directory| is_absolute_in(line, directory))).copied()
}

/// Whether `directory` starts a path in `line`, instead of continuing a URL or a longer path.
fn is_absolute_in(line: &str, directory: &str) -> bool {
    line.match_indices(directory).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "._-}~/".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_are_found() {
        let path = format!("let path = \"{}main\";", DIRECTORIES[0]);
        assert_eq!(named("a.rs", &format!("one\n{path}\n")), [(2, DIRECTORIES[0])]);
        assert!(
            named("a.md", &format!("see example.com{}page and ./a{0}b", DIRECTORIES[2])).is_empty()
        );
    }

    #[test]
    fn registry_hosts_are_found() {
        assert_eq!(named("a.md", &format!("https://{}/x", HOSTS[0])), [(1, HOSTS[0])]);
        assert!(
            named(
                "Cargo.lock",
                "source = \"registry+https://github.com/rust-lang/crates.io-index\""
            )
            .is_empty()
        );
    }

    #[test]
    fn a_lock_file_names_no_mirror() {
        let line = "\"resolved\": \"https://mirror.example/openai.tgz\"";
        assert_eq!(named("js/package-lock.json", line), [(1, "resolved")]);
        assert!(named("notes.txt", line).is_empty());
    }
}
