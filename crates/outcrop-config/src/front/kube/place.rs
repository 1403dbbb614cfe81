//! Hosts that objects name for Bedrock.
//!
//! A host of AWS's own for a region is not kept: the region is, so that what the environment says of
//! endpoints (`AWS_ENDPOINT_URL`, FIPS, …) holds as everywhere.

use crate::backend::Backend;

/// A host and port, and whether TLS is spoken there.
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Place {
    /// Makes it the backend's: by its region, which one that is set already overrules, or as an endpoint.
    pub(super) fn put_in(&self, backend: &mut Backend) {
        match region_of(&self.host) {
            Some(region) => {
                backend.region.get_or_insert(region.to_owned());
            }
            None => {
                let Self { host, port, tls } = self;
                let scheme = if *tls { "https" } else { "http" };
                backend.endpoint = Some(format!("{scheme}://{host}:{port}"));
            }
        }
    }
}

/// The region of a host of AWS's own, such as `bedrock-runtime.us-east-1.amazonaws.com`.
fn region_of(host: &str) -> Option<&str> {
    let rest = ["bedrock-runtime.", "bedrock-runtime-fips.", "bedrock-mantle."]
        .iter()
        .find_map(|prefix| host.strip_prefix(prefix))?;
    let (region, suffix) = rest.split_once('.')?;
    let is_aws = ["amazonaws.com", "amazonaws.com.cn", "api.aws", "amazonaws.eu"].contains(&suffix);
    is_aws.then_some(region)
}
