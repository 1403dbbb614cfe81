//! The Python suite: its own virtual environment, exact pins, pytest.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::stack::Stack;
use super::{Place, install_once, isolated, version_of};
use crate::run::run as run_command;

const PYTHON: &str = "python3";

pub(crate) fn set_up(place: &Place) -> Result<()> {
    let version = version_of(PYTHON)?;
    let requirements = place.source.join("python/requirements.txt");
    let inputs = format!("{version}\n{}", fs::read_to_string(&requirements)?);
    let environment = environment(place);
    install_once(&place.work.join("python.stamp"), &inputs, || {
        if environment.exists() {
            fs::remove_dir_all(&environment)?;
        }
        run_command(Command::new(PYTHON).args(["-m", "venv"]).arg(&environment))?;
        let mut pip = Command::new(environment.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ]);
        run_command(pip.arg(&requirements))
    })
}

pub(super) fn run(place: &Place, stack: &Stack, more: &[String]) -> Result<()> {
    run_command(pytest(place, stack).args(more))
}

/// pytest in the suite's folder and environment, told where everything is.
pub(crate) fn pytest(place: &Place, stack: &Stack) -> Command {
    let mut pytest = isolated(environment(place).join("bin/python"), &place.work);
    pytest.envs(stack.env()).env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.current_dir(place.source.join("python"));
    pytest.args(["-m", "pytest", "-p", "no:cacheprovider", "-q", "-rfEs"]);
    pytest
}

fn environment(place: &Place) -> PathBuf {
    place.work.join("python")
}
