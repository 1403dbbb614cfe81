//! A Redis server for the tests of shared limits: the system's own, else the one of Debian's packages,
//! unpacked under the target directory. Nothing is installed outside it, and no root is needed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run;
use crate::workspace::Workspace;

/// The server with the libraries that it links beside the C library; what a version does not know is left out.
const PACKAGES: &[&str] = &[
    "redis-server",
    "redis-tools",
    "libatomic1",
    "libjemalloc2",
    "liblua5.1-0",
    "liblzf1",
    "lua-bitop",
    "lua-cjson",
];
const SERVERS: &[&str] = &["redis-server", "valkey-server"];

/// The step.
pub(crate) fn provide(workspace: &Workspace, _: &[String]) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    if folders.any(|folder| SERVERS.iter().any(|name| folder.join(name).is_file())) {
        println!("the system has a Redis server");
        return Ok(());
    }
    let tools = workspace.target.join("tools/redis");
    if tools.join("usr/bin/redis-server").is_file() {
        println!("there is a Redis server in the target directory");
        return Ok(());
    }
    unpack(&tools).context("no Redis server: install redis-server or valkey-server, then try again")
}

fn unpack(tools: &Path) -> Result<()> {
    let downloads = tools.join("packages");
    std::fs::create_dir_all(&downloads)?;
    run::run(Command::new("apt-get").arg("download").args(PACKAGES).current_dir(&downloads))?;
    for entry in std::fs::read_dir(&downloads)? {
        run::run(Command::new("dpkg-deb").arg("--extract").arg(entry?.path()).arg(tools))?;
    }
    if !tools.join("usr/bin/redis-server").is_file() {
        bail!("the packages hold no redis-server");
    }
    Ok(())
}
