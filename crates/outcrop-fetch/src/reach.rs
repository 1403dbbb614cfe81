//! What the operator lets be fetched: nothing, the open internet, named hosts and networks.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::address::{is_nobodys, is_public, undisguised};

/// How far fetches may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nothing is fetched.
    Off,
    /// Public addresses, and what is [`Allowed`] beside them.
    #[default]
    Public,
    /// Only what is [`Allowed`].
    Listed,
}

/// A host or a network that may be fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// In lower case.
    Host(String),
    /// Every host below this domain, given as `*.example.com`; kept as `.example.com`.
    Below(String),
    Network(IpNet),
}

/// What is known before a name is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The operator named it: any of its addresses but nobody's ones.
    Named,
    /// Its address decides.
    Unnamed,
}

// === impl Allowed ===

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Network(ip.into()));
        }
        let (host, below) = match text.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (text, false),
        };
        let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || host.starts_with('.') || !host.chars().all(is_legal) {
            return Err("name a host (files.example.com), all hosts below a domain \
                        (*.example.com), or a network (10.1.0.0/16)"
                .to_owned());
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        Ok(if below { Self::Below(format!(".{host}")) } else { Self::Host(host) })
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => f.write_str(host),
            Self::Below(domain) => write!(f, "*{domain}"),
            Self::Network(network) => write!(f, "{network}"),
        }
    }
}

/// `host` is in lower case, without a dot at its end.
pub(crate) fn standing(host: &str, allowed: &[Allowed]) -> Standing {
    let named = allowed.iter().any(|allowed| match allowed {
        Allowed::Host(named) => named == host,
        Allowed::Below(domain) => host.len() > domain.len() && host.ends_with(domain.as_str()),
        Allowed::Network(_) => false,
    });
    if named { Standing::Named } else { Standing::Unnamed }
}

/// Whether a name may be looked up at all: names tell something to whoever answers for them.
pub(crate) fn may_look_up(standing: Standing, reach: Reach, allowed: &[Allowed]) -> bool {
    let has_network = || allowed.iter().any(|allowed| matches!(allowed, Allowed::Network(_)));
    match reach {
        Reach::Off => false,
        Reach::Public => true,
        Reach::Listed => standing == Standing::Named || has_network(),
    }
}

/// Whether a connection to this very address may be made.
pub(crate) fn may_connect(
    ip: IpAddr,
    standing: Standing,
    reach: Reach,
    allowed: &[Allowed],
) -> bool {
    let ip = undisguised(ip);
    let in_network = allowed.iter().any(|allowed| match allowed {
        Allowed::Network(network) => network.contains(&ip),
        Allowed::Host(_) | Allowed::Below(_) => false,
    });
    let named = standing == Standing::Named && !is_nobodys(ip);
    match reach {
        Reach::Off => false,
        Reach::Public => in_network || named || is_public(ip),
        Reach::Listed => in_network || named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(texts: &[&str]) -> Vec<Allowed> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn may(host: &str, ip: &str, reach: Reach, list: &[&str]) -> bool {
        let list = allowed(list);
        let standing = standing(host, &list);
        may_look_up(standing, reach, &list)
            && may_connect(ip.parse().unwrap(), standing, reach, &list)
    }

    #[test]
    fn the_open_internet_and_what_is_named_beside_it() {
        let list = ["files.internal", "*.corp.example", "10.1.0.0/16"];
        for (host, ip, expected) in [
            ("a.example", "8.8.8.8", true),
            ("a.example", "10.2.0.1", false),
            ("a.example", "10.1.9.9", true),
            ("a.example", "::ffff:10.1.9.9", true),
            ("files.internal", "192.168.0.9", true),
            ("files.internal", "127.0.0.1", true),
            ("files.internal", "169.254.169.254", false),
            ("files.internal", "::ffff:169.254.169.254", false),
            ("files.internal", "fd00:ec2::254", false),
            ("other.internal", "192.168.0.9", false),
            ("x.corp.example", "10.9.9.9", true),
            ("corp.example", "10.9.9.9", false),
            ("evilcorp.example", "10.9.9.9", false),
        ] {
            assert_eq!(may(host, ip, Reach::Public, &list), expected, "{host} {ip}");
        }
    }

    #[test]
    fn only_what_is_listed() {
        assert!(!may("a.example", "8.8.8.8", Reach::Listed, &["b.example"]));
        assert!(may("b.example", "8.8.8.8", Reach::Listed, &["b.example"]));
        assert!(may("any.example", "10.1.2.3", Reach::Listed, &["10.0.0.0/8"]));
        assert!(!may("any.example", "8.8.8.8", Reach::Listed, &["10.0.0.0/8"]));
        assert!(!may("a.example", "8.8.8.8", Reach::Off, &["a.example"]));
    }

    #[test]
    fn a_network_names_even_metadata() {
        assert!(may("x", "169.254.169.254", Reach::Public, &["169.254.169.254"]));
    }

    #[test]
    fn what_is_allowed_is_read_and_written() {
        for (text, written) in [
            ("Files.Example.com.", "files.example.com"),
            ("*.Example.com", "*.example.com"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(text.parse::<Allowed>().unwrap().to_string(), written);
        }
        for wrong in ["", "*.", "https://x", "a/b", "10.0.0.0/99", "ü.example"] {
            assert!(wrong.parse::<Allowed>().unwrap_err().contains("10.1.0.0/16"), "{wrong}");
        }
    }
}
