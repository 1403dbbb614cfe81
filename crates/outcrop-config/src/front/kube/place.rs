//! Hosts that objects name for Bedrock.
//!
//! 1. The host says in which region it is, whatever region is written elsewhere.
//! 2. The plain host of a region is not kept: the region is, so that what the environment says of endpoints
//!    (`AWS_ENDPOINT_URL`, FIPS, …) holds as everywhere. Any other is: of FIPS, of dual stack, of a VPC
//!    endpoint.

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

/// A host of AWS's own.
struct Aws<'h> {
    region: &'h str,
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

impl Place {
    /// Makes it the backend's: by its region, or as an endpoint.
    pub(super) fn put_in(&self, backend: &mut Backend, reading: &mut Reading<'_>) {
        let Self { host, port, tls, origin } = self;
        let aws = Aws::of(host);
        if let Some(Aws { region, is_plain: _ }) = aws {
            if let Some(other) = backend.region.as_deref().filter(|other| *other != region) {
                let what = format!(
                    "this host is in {region}, and the region is said to be {other}: the host counts"
                );
                let hint = format!("write {region} there too, or a host of {other}");
                reading.say(Diagnostic::warning(origin.clone(), what).hint(hint));
            }
            backend.region = Some(region.to_owned());
        }
        if aws.is_none_or(|aws| !aws.is_plain) {
            let scheme = if *tls { "https" } else { "http" };
            backend.endpoint = Some(format!("{scheme}://{host}:{port}"));
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
        let service = before.rsplit('.').next().unwrap_or(before);
        let is_plain = match service {
            RUNTIME => !is_dual,
            MANTLE => true,
            RUNTIME_FIPS => false,
            _ => return None,
        };
        Some(Self { region, is_plain: is_plain && !is_vpc && before == service })
    }
}
