//! Why something was not fetched, in words that a client may read.

/// What can go wrong. The text goes on from the path of the member that holds the address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error(
        "is an address, and this gateway fetches none. Send the bytes as base64, or ask its operator for --fetch-media."
    )]
    Off,
    #[error(
        "is not an address that can be fetched: {0}. Write https://host/path, percent-encoded."
    )]
    Malformed(&'static str),
    #[error(
        "begins with `http:`; only `https:` is fetched here. Use https, send the bytes as base64, or ask the gateway's operator for --fetch-http."
    )]
    PlainHttp,
    #[error(
        "holds a user name or password, which is not sent. Use an address that needs none, such as a signed one, or send the bytes as base64."
    )]
    Credentials,
    /// The name is not known, or none of its addresses may be connected to: one text for both, so that
    /// it tells nothing about names and addresses that only the gateway can see.
    #[error(
        "leads to a host that is not known or that this gateway may not fetch from. Check the name, send the bytes as base64, or ask its operator for --fetch-allow."
    )]
    NoWay,
    #[error(
        "is one address too many: this gateway fetches at most {most} for a request. Send fewer, or send the bytes as base64."
    )]
    TooMany { most: usize },
    #[error(
        "leads to more than {most} bytes, the most that this gateway fetches for one address. Send a smaller file."
    )]
    TooLarge { most: usize },
    #[error(
        "leads to more than is left of {most} bytes, the most that this gateway fetches for one request. Send smaller files, or fewer."
    )]
    TotalTooLarge { most: usize },
    #[error(
        "cannot be fetched just now: the gateway holds as much fetched media as it may. Try again in a moment, or send the bytes as base64."
    )]
    Busy,
    #[error(
        "cannot be fetched: its server answered with status {0}. Check the address, and whether it can be read without signing in."
    )]
    Status(u16),
    #[error(
        "cannot be fetched: it redirects more than {most} times. Give the address at the end of the chain."
    )]
    Redirects { most: usize },
    #[error(
        "cannot be fetched: its server redirects to nowhere that can be read. Give the address at the end of the chain."
    )]
    LostRedirect,
    #[error("cannot be fetched: its server compresses the file unasked. Send the bytes as base64.")]
    Encoded,
    #[error("leads to an empty file. Check the address.")]
    Empty,
    #[error(
        "cannot be fetched: its server cannot be reached. Check the address, try again, or send the bytes as base64."
    )]
    Unreachable,
    #[error(
        "cannot be fetched: its server's certificate or TLS is not accepted. Use another address, or send the bytes as base64."
    )]
    Tls,
    #[error(
        "cannot be fetched: its server broke off its answer. Try again, or send the bytes as base64."
    )]
    Broken,
    #[error("could not be fetched in time. Try again, or send the bytes as base64.")]
    TimedOut,
}

/// Whose the failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The request asks for what cannot be had.
    Caller,
    /// There is too much of it.
    Size,
    /// The server at the address failed.
    FarServer,
    /// The server at the address is too slow.
    FarSlowness,
    /// The gateway has no room now.
    Gateway,
}

impl Failure {
    pub fn blame(&self) -> Blame {
        match self {
            Self::Off
            | Self::Malformed(_)
            | Self::PlainHttp
            | Self::Credentials
            | Self::NoWay
            | Self::TooMany { .. }
            | Self::Redirects { .. }
            | Self::LostRedirect
            | Self::Encoded
            | Self::Empty => Blame::Caller,
            Self::TooLarge { .. } | Self::TotalTooLarge { .. } => Blame::Size,
            // 408 and 429 pass; other 4xx are about the address.
            Self::Status(status) => match status {
                408 | 429 | 500.. => Blame::FarServer,
                0..500 => Blame::Caller,
            },
            Self::Unreachable | Self::Tls | Self::Broken => Blame::FarServer,
            Self::TimedOut => Blame::FarSlowness,
            Self::Busy => Blame::Gateway,
        }
    }
}
