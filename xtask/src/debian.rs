//! Programs that tests run: the system's own, else those of Debian's packages, unpacked under the target
//! directory. Nothing is installed outside it, and no root is needed.
//!
//! What the system's lists do not have comes from its release and the backports to it, by lists of our own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run;
use crate::workspace::Workspace;

/// A program, and the packages that hold it and the libraries that it links beside the C library.
struct Tool {
    /// Its program, on the system or in the packages.
    name: &'static str,
    /// Below `target/tools`.
    folder: &'static str,
    packages: &'static [&'static str],
}

const REDIS: Tool = Tool {
    name: "redis-server",
    folder: "redis",
    packages: &[
        "redis-server",
        "redis-tools",
        "libatomic1",
        "libjemalloc2",
        "liblua5.1-0",
        "liblzf1",
        "lua-bitop",
        "lua-cjson",
    ],
};
const VALKEY: Tool = Tool {
    name: "valkey-server",
    folder: "valkey",
    packages: &["valkey-server", "valkey-tools", "libatomic1", "libjemalloc2", "liblzf1"],
};
const TMUX: Tool = Tool {
    name: "tmux",
    folder: "tmux",
    packages: &["tmux", "libevent-core-2.1-7", "libutempter0", "libtinfo6"],
};

/// The step for the tests of shared limits.
pub(crate) fn redis(workspace: &Workspace, _: &[String]) -> Result<()> {
    provide(workspace, &REDIS)?;
    provide(workspace, &VALKEY)
}

/// The step for the tests of what a terminal shows.
pub(crate) fn tmux(workspace: &Workspace, _: &[String]) -> Result<()> {
    provide(workspace, &TMUX)
}

fn provide(workspace: &Workspace, tool: &Tool) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    if folders.any(|folder| folder.join(tool.name).is_file()) {
        println!("the system has {}", tool.name);
        return Ok(());
    }
    let tools = workspace.target.join("tools").join(tool.folder);
    if tools.join("usr/bin").join(tool.name).is_file() {
        println!("the target directory has {}", tool.name);
        return Ok(());
    }
    unpack(&tools, tool).with_context(|| format!("no {0}: install {0}, then try again", tool.name))
}

fn unpack(tools: &Path, tool: &Tool) -> Result<()> {
    let downloads = tools.join("packages");
    std::fs::create_dir_all(&downloads)?;
    let mut download = Command::new("apt-get");
    if run::run(download.arg("download").args(tool.packages).current_dir(&downloads)).is_err() {
        let lists = Lists::fetch(&tools.join("lists"))?;
        run::run(lists.apt_get("download").args(tool.packages).current_dir(&downloads))?;
    }
    for entry in std::fs::read_dir(&downloads)? {
        run::run(Command::new("dpkg-deb").arg("--extract").arg(entry?.path()).arg(tools))?;
    }
    if !tools.join("usr/bin").join(tool.name).is_file() {
        bail!("the packages hold no {}", tool.name);
    }
    Ok(())
}

/// Lists of packages beside the system's.
struct Lists(PathBuf);

impl Lists {
    /// Those of the system's release and of the backports to it, from where the system gets its own.
    fn fetch(folder: &Path) -> Result<Self> {
        let of_system = std::fs::read_to_string("/etc/os-release")?;
        let release = of_system.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let release = release.context("this is no release of Debian's")?;
        let asked = run::output(Command::new("apt-get").args(["--print-uris", "update"]))?;
        let asked = String::from_utf8_lossy(&asked);
        let end = format!("/dists/{release}/InRelease'");
        let place = asked.lines().find_map(|line| line.strip_prefix('\'')?.split_once(&end));
        let (place, _) = place.context("the system gets no packages of its release")?;
        for part in ["lists/partial", "cache/archives/partial"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        let sources = ["", "-backports"].map(|more| format!("deb {place} {release}{more} main\n"));
        std::fs::write(folder.join("sources.list"), sources.concat())?;
        let lists = Self(folder.to_owned());
        run::run(&mut lists.apt_get("update"))?;
        Ok(lists)
    }

    fn apt_get(&self, verb: &str) -> Command {
        let set = |name: &str, path: &str| format!("{name}={}", self.0.join(path).display());
        let mut command = Command::new("apt-get");
        command.args(["-o", &set("Dir::Etc::sourcelist", "sources.list")]);
        command.args(["-o", "Dir::Etc::sourceparts=/dev/null"]);
        command.args(["-o", &set("Dir::State::lists", "lists"), "-o", &set("Dir::Cache", "cache")]);
        command.arg(verb);
        command
    }
}
