//! How many files may be open: a request in flight holds two, its caller's connection and the one to AWS.
//!
//! 1. As many as the system lets a process have, up to [`ENOUGH`]. Most systems begin with 1024 and allow far
//!    more.
//! 2. Where there are fewer, the log says so at the start; it is no reason not to serve.

/// Thirty thousand requests in flight: memory ends before.
#[cfg(unix)]
const ENOUGH: u64 = 65_536;
/// What macOS grants where its kernel refuses more, whatever limit it tells.
#[cfg(unix)]
const MODEST: u64 = 10_240;

/// Raises the limit of this process.
#[cfg(unix)]
pub fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` is no limit.
    let Some(current) = current.filter(|limit| *limit < ENOUGH) else { return };
    let grants = |wanted: &u64| {
        let limit = Rlimit { current: Some(*wanted), maximum };
        *wanted > current && setrlimit(Resource::Nofile, limit).is_ok()
    };
    let mut wishes =
        [ENOUGH, MODEST].map(|wish| maximum.map_or(wish, |most| most.min(wish))).into_iter();
    let open_files = wishes.find(grants).unwrap_or(current);
    if open_files < ENOUGH {
        let requests = open_files / 2;
        tracing::info!(open_files, "no more than about {requests} requests can be in flight");
    }
}

#[cfg(not(unix))]
pub fn raise() {}
