//! A certificate of the gateway's own making, for development and for clients that insist on TLS.
//!
//! The certificate is made at each start. Clients trust the authority that signed it, which may be kept:
//! its certificate in a file, its key in another beside it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;

/// How this machine is called from itself.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where the authority's certificate is, for clients to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A new authority; its key is forgotten, so the file is of no use to the next start.
    Fresh(PathBuf),
    /// The authority of this file and of the key in `FILE.key`; both are made where neither exists.
    Kept(PathBuf),
}

pub(super) fn make(
    names: &[String],
    authority: &Authority,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let params = leaf(names)?;
    let failed = |error: rcgen::Error| format!("cannot make a certificate: {error}");
    let issuer = Issuer::new(issuer().map_err(failed)?, authority.key()?);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    CertifiedKey::from_der(vec![certificate.der().clone()], private, provider)
        .map_err(|error| format!("cannot use the certificate just made: {error}"))
}

// === impl Authority ===

impl Authority {
    /// The key to sign with; the certificate is in its file afterwards.
    fn key(&self) -> Result<KeyPair, String> {
        match self {
            Self::Fresh(path) => {
                // What is there is of an earlier start, or a trap; it is not written through.
                if let Err(error) = std::fs::remove_file(path)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    return Err(bad(path, &error));
                }
                found(path)
            }
            Self::Kept(path) => {
                let beside = key_file(path);
                match (path.exists(), beside.exists()) {
                    (true, true) => kept(path, &beside),
                    (false, false) => {
                        let key = found(path)?;
                        write(&beside, &key.serialize_pem(), 0o600)?;
                        Ok(key)
                    }
                    (true, false) | (false, true) => Err(format!(
                        "of {} and {} one is missing: bring it back, or remove the other to have \
                         both made anew",
                        path.display(),
                        beside.display()
                    )),
                }
            }
        }
    }
}

// === helpers ===

/// Founds an authority: its certificate goes to `path`.
fn found(path: &Path) -> Result<KeyPair, String> {
    let failed = |error: rcgen::Error| format!("cannot make a certificate: {error}");
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = issuer().and_then(|params| params.self_signed(&key)).map_err(failed)?;
    write(path, &certificate.pem(), 0o644)?;
    Ok(key)
}

fn kept(path: &Path, beside: &Path) -> Result<KeyPair, String> {
    let text = std::fs::read_to_string(beside).map_err(|error| bad(beside, &error))?;
    let key = KeyPair::from_pem(&text).map_err(|error| bad(beside, &error))?;
    let certificate = CertificateDer::from_pem_file(path).map_err(|error| bad(path, &error))?;
    let public = key.subject_public_key_info();
    match certificate.windows(public.len()).any(|part| part == public) {
        true => Ok(key),
        false => Err(format!(
            "{} and {} do not belong together: remove both to have them made anew",
            path.display(),
            beside.display()
        )),
    }
}

fn key_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

fn bad(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("cannot use {}: {error}", path.display())
}

/// Writes a file that must not be there yet.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), String> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _unused = mode;
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// The authority, the same at each start but for its key.
fn issuer() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Outcrop gateway authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(names: &[String]) -> Result<CertificateParams, String> {
    if let Some(name) = names.iter().find(|name| ServerName::try_from(name.as_str()).is_err()) {
        return Err(format!("`{name}` is no host name and no address"));
    }
    let here = HERE.iter().map(|name| (*name).to_owned());
    let params = CertificateParams::new(here.chain(names.iter().cloned()).collect::<Vec<_>>());
    let mut params = params.map_err(|error| format!("cannot make a certificate: {error}"))?;
    params.distinguished_name.push(DnType::CommonName, "Outcrop gateway");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
