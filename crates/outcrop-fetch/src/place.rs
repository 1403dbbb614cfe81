//! An address, read for fetching: scheme, host, port and path, nothing else.
//!
//! The host that is read here is the one that is judged, looked up, connected to and named in TLS and
//! in the `host` header: there is no second reading of the address that could differ.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

use crate::failure::Failure;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub scheme: Transport,
    /// In lower case, without brackets and without a dot at its end.
    pub host: String,
    pub port: u16,
    pub path_and_query: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Http,
    Https,
}

impl Transport {
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

// === impl Place ===

impl Place {
    /// # Errors
    /// When it is no absolute http(s) address, or holds credentials.
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let address = url.split('#').next().unwrap_or_default();
        let uri: Uri = encoded(address)
            .parse()
            .map_err(|_| Failure::Malformed("its characters or its form are not legal"))?;
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => Transport::Https,
            Some(scheme) if *scheme == Scheme::HTTP => Transport::Http,
            Some(_) | None => return Err(Failure::Malformed("it is neither https nor http")),
        };
        let authority = uri.authority().ok_or(Failure::Malformed("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(Failure::Credentials);
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        // `%` may stand in an authority for other schemes' sake; in a name it would be read again.
        if host.is_empty() || host.contains(['%', '@']) {
            return Err(Failure::Malformed("it names no host"));
        }
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, digits)) if !digits.ends_with(']') => {
                digits.parse().map_err(|_| Failure::Malformed("its port is not a number"))?
            }
            Some(_) | None => scheme.default_port(),
        };
        let path_and_query = match uri.path_and_query().map_or("/", |p| p.as_str()) {
            rooted if rooted.starts_with('/') => rooted.to_owned(),
            query => format!("/{query}"),
        };
        Ok(Self { scheme, host, port, path_and_query })
    }

    /// Where a `location` leads from here (RFC 3986, section 5.2).
    pub fn join(&self, location: &str) -> Result<Self, Failure> {
        let location = location.trim();
        let scheme = self.scheme.word();
        let path = self.path_and_query.split('?').next().unwrap_or("/");
        let joined = if has_scheme(location) {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else {
            let origin = format!("{scheme}://{}", self.authority());
            match location.bytes().next() {
                Some(b'/') => format!("{origin}{location}"),
                Some(b'?') => format!("{origin}{path}{location}"),
                Some(_) | None => {
                    let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
                    format!("{origin}{folder}{location}")
                }
            }
        };
        Self::parse(&joined).map_err(|failure| match failure {
            Failure::Malformed(_) => Failure::LostRedirect,
            other => other,
        })
    }

    /// As the `host` header has it.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == self.scheme.default_port() {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }

    /// The host, when it is an address itself.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

fn has_scheme(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        let mut letters = scheme.bytes();
        letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

/// Percent-encodes what people leave as it is in a path: spaces, letters beyond ASCII, quotes.
fn encoded(address: &str) -> String {
    let authority_end = address
        .find("://")
        .and_then(|at| address[at + 3..].find(['/', '?']).map(|end| at + 3 + end))
        .unwrap_or(address.len());
    let (before, path) = address.split_at(authority_end);
    let mut out = String::with_capacity(address.len() + 16);
    out.push_str(before);
    for byte in path.bytes() {
        let is_plain = byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}');
        match is_plain {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(place: &Place) -> String {
        format!("{}://{}{}", place.scheme.word(), place.authority(), place.path_and_query)
    }

    #[test]
    fn addresses_are_read_once_and_plainly() {
        for (url, expected) in [
            ("https://Example.COM", "https://example.com/"),
            ("HTTPS://example.com./a?b#c", "https://example.com/a?b"),
            ("https://example.com:443/", "https://example.com/"),
            ("https://example.com:8443/x", "https://example.com:8443/x"),
            ("http://[::1]:80/x", "http://[::1]/x"),
            ("http://[::1]:81/x", "http://[::1]:81/x"),
            ("https://e.org/bild ä.png", "https://e.org/bild%20%C3%A4.png"),
            ("https://e.org/a%20b", "https://e.org/a%20b"),
            ("https://e.org?q=1", "https://e.org/?q=1"),
        ] {
            assert_eq!(written(&Place::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for (url, expected) in [
            ("https://user:secret@example.com/", Failure::Credentials),
            ("https://user@example.com/", Failure::Credentials),
            ("https://good.example@10.0.0.1/", Failure::Credentials),
        ] {
            assert_eq!(Place::parse(url).unwrap_err(), expected, "{url}");
        }
        for url in [
            "",
            "x",
            "/x",
            "ftp://e.org/",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://e.org:99999/",
            "https://e.org:/",
            "https://e org/",
            "https://ü.example/",
            "https://e.org%2f@x/",
            "https://%31%30.0.0.1/",
            "https://e.org\\@10.0.0.1/",
            "https://e.org\r\nhost: x/",
            "gopher://e.org",
            "https://[::1/",
            "https://[fe80::1%eth0]/",
        ] {
            let failure = Place::parse(url).unwrap_err();
            assert!(matches!(failure, Failure::Malformed(_) | Failure::Credentials), "{url}");
        }
    }

    #[test]
    fn redirects_lead_from_where_they_are_found() {
        let here = Place::parse("https://e.org:8443/a/b?c").unwrap();
        for (location, expected) in [
            ("/x", "https://e.org:8443/x"),
            ("x y", "https://e.org:8443/a/x%20y"),
            ("?q", "https://e.org:8443/a/b?q"),
            ("//other.org/x", "https://other.org/x"),
            ("http://other.org", "http://other.org/"),
            ("x:y@z", ""),
            ("ftp://other.org", ""),
        ] {
            let joined = here.join(location);
            match expected {
                "" => assert_eq!(joined.unwrap_err(), Failure::LostRedirect, "{location}"),
                _ => assert_eq!(written(&joined.unwrap()), expected, "{location}"),
            }
        }
    }
}
