//! Programs that tests run: the system's own, else those of Debian's packages, unpacked under the target
//! directory. Nothing is installed outside it, and no root is needed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run;
use crate::workspace::Workspace;

/// A program, and the packages that hold it and the libraries that it links beside the C library.
struct Tool {
    /// Its folder below `target/tools`, and its program in the packages.
    name: &'static str,
    folder: &'static str,
    /// Programs of the system that do as well.
    programs: &'static [&'static str],
    packages: &'static [&'static str],
}

const REDIS: Tool = Tool {
    name: "redis-server",
    folder: "redis",
    programs: &["redis-server", "valkey-server"],
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
const TMUX: Tool = Tool {
    name: "tmux",
    folder: "tmux",
    programs: &["tmux"],
    packages: &["tmux", "libevent-core-2.1-7", "libutempter0", "libtinfo6"],
};

/// The step for the tests of shared limits.
pub(crate) fn redis(workspace: &Workspace, _: &[String]) -> Result<()> {
    provide(workspace, &REDIS)
}

/// The step for the tests of what a terminal shows.
pub(crate) fn tmux(workspace: &Workspace, _: &[String]) -> Result<()> {
    provide(workspace, &TMUX)
}

fn provide(workspace: &Workspace, tool: &Tool) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    if folders.any(|folder| tool.programs.iter().any(|name| folder.join(name).is_file())) {
        println!("the system has {}", tool.name);
        return Ok(());
    }
    let tools = workspace.target.join("tools").join(tool.folder);
    if tools.join("usr/bin").join(tool.name).is_file() {
        println!("the target directory has {}", tool.name);
        return Ok(());
    }
    let programs = tool.programs.join(" or ");
    unpack(&tools, tool)
        .with_context(|| format!("no {}: install {programs}, then try again", tool.name))
}

fn unpack(tools: &Path, tool: &Tool) -> Result<()> {
    let downloads = tools.join("packages");
    std::fs::create_dir_all(&downloads)?;
    run::run(Command::new("apt-get").arg("download").args(tool.packages).current_dir(&downloads))?;
    for entry in std::fs::read_dir(&downloads)? {
        run::run(Command::new("dpkg-deb").arg("--extract").arg(entry?.path()).arg(tools))?;
    }
    if !tools.join("usr/bin").join(tool.name).is_file() {
        bail!("the packages hold no {}", tool.name);
    }
    Ok(())
}
