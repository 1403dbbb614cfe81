//! The flags that say how clients' connections are secured.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use outcrop_server::{Authority, Tls};

/// TLS for clients; without it the gateway speaks plain http. See docs/guide/tls.md.
#[derive(Debug, Clone, Args)]
pub struct TlsArgs {
    /// Serve https with a certificate of the gateway's own making. What clients must trust is written
    /// to FILE and kept across restarts, its key in FILE.key; without FILE it is made anew at each start
    /// in the temp folder, and the log says where.
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "tls_cert")]
    pub tls_self_signed: Option<Option<PathBuf>>,
    /// Host name or address that clients use, beside localhost and what --listen names; may be given
    /// several times.
    #[arg(long, value_name = "NAME", requires = "tls_self_signed")]
    pub tls_name: Vec<String>,
    /// Serve https with the certificate chain of this PEM file; read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The PEM file of the key of --tls-cert.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Whether anything is asked for.
    pub fn is_given(&self) -> bool {
        self.tls_self_signed.is_some() || self.tls_cert.is_some()
    }

    /// How to secure connections, and the file of what clients must trust, if it is of our making.
    ///
    /// # Errors
    /// Names the file that cannot be used, and why.
    pub fn tls(self, listen: SocketAddr) -> anyhow::Result<(Option<Tls>, Option<PathBuf>)> {
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let tls = Tls::files(certificate, key).map_err(anyhow::Error::msg)?;
            return Ok((Some(tls), None));
        }
        let Some(file) = self.tls_self_signed else { return Ok((None, None)) };
        let mut names = self.tls_name;
        if !listen.ip().is_unspecified() {
            names.push(listen.ip().to_string());
        }
        let authority = match file {
            Some(file) => Authority::Kept(file),
            None => {
                let name = format!("outcrop-{}-ca.pem", std::process::id());
                Authority::Fresh(std::env::temp_dir().join(name))
            }
        };
        let tls = Tls::self_signed(&names, &authority).map_err(anyhow::Error::msg)?;
        let (Authority::Kept(file) | Authority::Fresh(file)) = authority;
        Ok((Some(tls), Some(std::path::absolute(&file).unwrap_or(file))))
    }
}
