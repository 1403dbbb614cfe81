//! Where `outcrop serve` listens: where the command line says, else where the configuration does.
//!
//! What the configuration gives a listener to show is taken from each configuration that is loaded; all else of
//! a listener stays as it was at the start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::bail;
use outcrop_config::{Certificate, Listener, ListenerTls, Secret};
use outcrop_server::{Authority, Certificates, Pair, Pem, Tls};

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
    /// What the configuration gives it to show.
    certificates: Option<Certificates>,
}

/// The open listeners, by name, that show certificates of the configuration.
#[derive(Debug)]
pub struct Certified(Vec<(String, Certificates)>);

/// What is shown, and what is good to take its place.
#[derive(Debug)]
pub struct Renewal(Vec<(Certificates, Certificates)>);

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
        let places = here.map(|(at, listener)| {
            place(at, listener).map_err(|why| anyhow::Error::msg(of_listener(&listener.name, &why)))
        });
        return places.collect();
    }
    let address = listen.unwrap_or(LISTEN);
    let (tls, authority) = tls.tls(address)?;
    Ok(vec![Place { name: None, address, tls, authority, certificates: None }])
}

// === impl Certified ===

impl Certified {
    pub fn of(places: &[Place]) -> Self {
        let certified = places.iter().filter_map(|place| {
            let Place { name, certificates, address: _, tls: _, authority: _ } = place;
            Some((name.clone()?, certificates.clone()?))
        });
        Self(certified.collect())
    }

    /// What `listeners` give them to show. One that is given nothing keeps what it has.
    ///
    /// # Errors
    /// Names the listener, and what cannot be used.
    pub fn renewed(&self, listeners: &[Listener]) -> Result<Renewal, String> {
        let renewed = self.given(listeners).map(|(name, shown, all)| {
            let next = certificates(all).map_err(|why| of_listener(name, &why))?;
            Ok((shown.clone(), next))
        });
        renewed.collect::<Result<_, _>>().map(Renewal)
    }

    /// The files of what `listeners` give them to show.
    pub fn files<'a>(&'a self, listeners: &'a [Listener]) -> impl Iterator<Item = &'a Path> {
        let pairs = self.given(listeners).flat_map(|(_, _, all)| all);
        pairs.flat_map(|Certificate { chain, key }| [chain, key]).filter_map(|pem| match pem {
            Secret::File(path) => Some(path.as_path()),
            Secret::Env(_) | Secret::Inline(_) => None,
        })
    }

    fn given<'a>(
        &'a self,
        listeners: &'a [Listener],
    ) -> impl Iterator<Item = (&'a str, &'a Certificates, &'a [Certificate])> {
        self.0.iter().filter_map(|(name, shown)| {
            let listener = listeners.iter().find(|listener| listener.name == *name)?;
            match &listener.tls {
                Some(ListenerTls::Certificates(all)) => Some((name.as_str(), shown, &all[..])),
                None | Some(ListenerTls::SelfSigned | ListenerTls::Elsewhere) => None,
            }
        })
    }
}

// === impl Renewal ===

impl Renewal {
    pub fn put_to_work(self) {
        for (shown, next) in self.0 {
            shown.give_way_to(&next);
        }
    }
}

// === helpers ===

fn place(at: usize, listener: &Listener) -> Result<Place, String> {
    let Listener { name, address, tls } = listener;
    let address = *address;
    let (mut authority, mut shown) = (None, None);
    let tls = match tls {
        // Those that are elsewhere are no places here.
        None | Some(ListenerTls::Elsewhere) => None,
        Some(ListenerTls::Certificates(all)) => {
            Some(Tls::certificates(shown.insert(certificates(all)?).clone())?)
        }
        Some(ListenerTls::SelfSigned) => {
            let file = format!("outcrop-{}-{at}-ca.pem", std::process::id());
            let file = std::env::temp_dir().join(file);
            let names: Vec<_> = (!address.ip().is_unspecified())
                .then(|| address.ip().to_string())
                .into_iter()
                .collect();
            let tls = Tls::self_signed(&names, &Authority::Fresh(file.clone()))?;
            authority = Some(file);
            Some(tls)
        }
    };
    Ok(Place { name: Some(name.clone()), address, tls, authority, certificates: shown })
}

fn of_listener(name: &str, why: &str) -> String {
    format!("the listener `{name}`: {why}")
}

fn certificates(all: &[Certificate]) -> Result<Certificates, String> {
    let pairs = all.iter().map(|Certificate { chain, key }| {
        let certificate = pem(chain).map_err(|why| format!("its certificate: {why}"))?;
        Ok(Pair { certificate, key: pem(key).map_err(|why| format!("its key: {why}"))? })
    });
    Certificates::open(pairs.collect::<Result<_, String>>()?)
}

fn pem(secret: &Secret) -> Result<Pem, String> {
    match secret {
        Secret::File(path) => Ok(Pem::File(path.clone())),
        Secret::Env(_) | Secret::Inline(_) => reveal(secret).map(Pem::Text),
    }
}
