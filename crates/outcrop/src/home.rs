//! Where the command line keeps what is the user's: configuration, and what it remembers.
//!
//! `OUTCROP_HOME` holds both, if it is set; else they are where the system's users expect them (XDG's folders,
//! on macOS too).

use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::exit::{Exit, Failure};

const NAME: &str = "outcrop";

/// The user's folders; they need not be there yet.
#[derive(Debug, Clone)]
pub struct Home {
    /// Of `config.yaml`, roles and servers.
    pub config: PathBuf,
    /// Of history and sessions.
    pub data: PathBuf,
}

// === impl Home ===

impl Home {
    /// # Errors
    /// Where nothing tells whose home it is.
    pub fn find() -> anyhow::Result<Self> {
        if let Some(home) = std::env::var_os("OUTCROP_HOME").filter(|home| !home.is_empty()) {
            let home = PathBuf::from(home);
            return Ok(Self { config: home.clone(), data: home });
        }
        let system = etcetera::choose_base_strategy().map_err(|_| {
            Failure::new(Exit::ConfigMissing, "There is no home folder.")
                .mend("Set HOME, or OUTCROP_HOME to a folder for Outcrop alone.")
        })?;
        Ok(Self { config: system.config_dir().join(NAME), data: system.data_dir().join(NAME) })
    }
}
