//! Hosts that objects name for Bedrock.
//!
//! 1. The host says in which region it is, whatever region is written elsewhere.
//! 2. The plain host of a region is not kept: the region is, so that what the environment says of endpoints
//!    (`AWS_ENDPOINT_URL`, FIPS, …) holds as everywhere. Any other is: of FIPS, of dual stack, of a VPC
//!    endpoint.
//! 3. A host of mantle's leads to mantle alone, and one that AWS does not name is bedrock-runtime's.

use outcrop_model::Carrier;

use crate::backend::Backend;
use crate::front::Reading;
use crate::origin::{Diagnostic, Origin};

/// A host and port, and whether TLS is spoken there.
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// Where the host is written.
    pub(super) origin: Origin,
}

/// What a host of AWS's own serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Runtime,
    Mantle,
}

/// A host of AWS's own.
struct Aws<'h> {
    region: &'h str,
    service: Service,
    /// Whether it is what the region alone leads to.
    is_plain: bool,
}

/// Ends of AWS's hosts, and whether they are those of dual stack.
const SUFFIXES: [(&str, bool); 6] = [
    (".amazonaws.com", false),
    (".amazonaws.com.cn", false),
    (".amazonaws.eu", false),
    (".api.aws", true),
    (".api.amazonwebservices.com.cn", true),
    (".api.amazonwebservices.eu", true),
];
/// Stands behind the region in the host of a VPC endpoint.
const VPC_ENDPOINT: &str = ".vpce";
const RUNTIME: &str = "bedrock-runtime";
const RUNTIME_FIPS: &str = "bedrock-runtime-fips";
/// It has hosts of dual stack alone.
const MANTLE: &str = "bedrock-mantle";
/// Its name among a backend's endpoints.
const MANTLE_ENDPOINT: &str = "bedrock_mantle";

impl Service {
    /// That of a host; `None` where the host is not AWS's own for models.
    pub(super) fn of(host: &str) -> Option<Self> {
        Aws::of(host).map(|aws| aws.service)
    }
}

impl Place {
    /// Makes it the backend's: by its region, or as an endpoint.
    pub(super) fn put_in(&self, backend: &mut Backend, reading: &mut Reading<'_>) {
        let Self { host, port, tls, origin } = self;
        let aws = Aws::of(host);
        if let Some(Aws { region, service: _, is_plain: _ }) = aws {
            if let Some(other) = backend.region.as_deref().filter(|other| *other != region) {
                let what = format!(
                    "this host is in {region}, and the region is said to be {other}: the host counts"
                );
                let hint = format!("write {region} there too, or a host of {other}");
                reading.say(Diagnostic::warning(origin.clone(), what).hint(hint));
            }
            backend.region = Some(region.to_owned());
        }
        let is_mantle = aws.as_ref().is_some_and(|aws| aws.service == Service::Mantle);
        if is_mantle {
            backend.carrier = Some(Carrier::Mantle);
        }
        if aws.is_none_or(|aws| !aws.is_plain) {
            let scheme = if *tls { "https" } else { "http" };
            let url = format!("{scheme}://{host}:{port}");
            match is_mantle {
                true => backend.endpoints.push((MANTLE_ENDPOINT.to_owned(), url)),
                false => backend.endpoint = Some(url),
            }
        }
    }
}

impl<'h> Aws<'h> {
    /// What `host` says, such as `bedrock-runtime.us-east-1.amazonaws.com`.
    fn of(host: &'h str) -> Option<Self> {
        let (rest, is_dual) =
            SUFFIXES.iter().find_map(|(end, is_dual)| Some((host.strip_suffix(end)?, *is_dual)))?;
        let (rest, is_vpc) = match rest.strip_suffix(VPC_ENDPOINT) {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (before, region) = rest.rsplit_once('.')?;
        let name = before.rsplit('.').next().unwrap_or(before);
        let (service, is_plain) = match name {
            RUNTIME => (Service::Runtime, !is_dual),
            MANTLE => (Service::Mantle, true),
            RUNTIME_FIPS => (Service::Runtime, false),
            _ => return None,
        };
        Some(Self { region, service, is_plain: is_plain && !is_vpc && before == name })
    }
}
