//! Values of flags: what they are, and what is said of those that are none.

use std::net::SocketAddr;
use std::time::Duration;

use outcrop_core::Geography;
use outcrop_model::Catalog;

pub fn body_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("no request would fit: choose at least 1".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err("not a number of bytes".to_owned()),
    }
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    match seconds_or_none(text)? {
        Duration::ZERO => Err("must be more than 0".to_owned()),
        duration => Ok(duration),
    }
}

pub fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Ok(_) | Err(_) => Err("not a number from 0 to 1".to_owned()),
    }
}

pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("it is NAME=VALUE".to_owned()),
    }
}

/// It is shown in lists and hints.
pub fn session_name(text: &str) -> Result<String, String> {
    match text.trim().is_empty() || text.contains(char::is_control) {
        true => Err("a name has letters, digits or signs, and no control characters".to_owned()),
        false => Ok(text.to_owned()),
    }
}

pub fn geography(text: &str) -> Result<Geography, String> {
    Geography::named(text, Catalog::built_in())
}

/// The word of a geography, for configurations.
pub fn geography_word(text: &str) -> Result<String, String> {
    geography(text).map(|_known| text.to_owned())
}

pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "an address is an IP and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_are_explained() {
        assert!(address("localhost:8080").unwrap_err().contains("127.0.0.1:8080"));
        assert!(address("[::1]:0").is_ok());
        assert!(geography("europe").unwrap_err().contains("eu"));
        assert_eq!(geography("eu"), Ok(Geography::Named("eu".to_owned())));
        assert!(body_size("0").unwrap_err().contains("at least 1"));
        assert!(seconds("0").is_err() && seconds("-1").is_err() && seconds("x").is_err());
        assert_eq!(seconds_or_none("0"), Ok(Duration::ZERO));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    }
}
