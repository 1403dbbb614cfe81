//! Where `outcrop serve` listens: where the command line says, else where the configuration does.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;
use outcrop_config::{Certificate, Listener, ListenerTls, Secret};
use outcrop_server::{Authority, Pair, Pem, Tls};

use crate::cli::{LISTEN, TlsArgs};
use crate::secrets::reveal;

/// An address to listen on.
pub struct Place {
    /// Of a listener of the configuration.
    pub name: Option<String>,
    pub address: SocketAddr,
    pub tls: Option<Tls>,
    /// The file of what clients must trust, where the gateway makes its certificate itself.
    pub authority: Option<PathBuf>,
}

/// All places; never none.
///
/// # Errors
/// Names the file of a certificate that cannot be used, and flags that have no listener to be for.
pub fn places(
    listen: Option<SocketAddr>,
    tls: TlsArgs,
    listeners: &[Listener],
) -> anyhow::Result<Vec<Place>> {
    let is_here = |listener: &&Listener| listener.tls != Some(ListenerTls::Elsewhere);
    if listen.is_none() && listeners.iter().any(|listener| is_here(&listener)) {
        if tls.is_given() {
            bail!(
                "the configuration says where to listen, and how connections are secured there: leave out the flags --tls-…, or say --listen, which takes the place of its listeners"
            );
        }
        let here = listeners.iter().filter(is_here).enumerate();
        return here.map(|(at, listener)| place(at, listener)).collect();
    }
    let address = listen.unwrap_or(LISTEN);
    let (tls, authority) = tls.tls(address)?;
    Ok(vec![Place { name: None, address, tls, authority }])
}

fn place(at: usize, listener: &Listener) -> anyhow::Result<Place> {
    let Listener { name, address, tls } = listener;
    let address = *address;
    let (tls, authority) = match tls {
        // Those that are elsewhere are no places here.
        None | Some(ListenerTls::Elsewhere) => (None, None),
        Some(ListenerTls::Certificates(all)) => (Some(certificates(all)), None),
        Some(ListenerTls::SelfSigned) => {
            let file = format!("outcrop-{}-{at}-ca.pem", std::process::id());
            let file = std::env::temp_dir().join(file);
            let names: Vec<_> = (!address.ip().is_unspecified())
                .then(|| address.ip().to_string())
                .into_iter()
                .collect();
            (Some(Tls::self_signed(&names, &Authority::Fresh(file.clone()))), Some(file))
        }
    };
    let tls = tls.transpose().map_err(|why| anyhow::anyhow!("the listener `{name}`: {why}"))?;
    Ok(Place { name: Some(name.clone()), address, tls, authority })
}

fn certificates(all: &[Certificate]) -> Result<Tls, String> {
    let pairs = all.iter().map(|Certificate { chain, key }| {
        let certificate = pem(chain).map_err(|why| format!("its certificate: {why}"))?;
        Ok(Pair { certificate, key: pem(key).map_err(|why| format!("its key: {why}"))? })
    });
    Tls::certificates(pairs.collect::<Result<_, String>>()?)
}

fn pem(secret: &Secret) -> Result<Pem, String> {
    match secret {
        Secret::File(path) => Ok(Pem::File(path.clone())),
        Secret::Env(_) | Secret::Inline(_) | Secret::Kubernetes { .. } => {
            reveal(secret).map(Pem::Text)
        }
    }
}
